from __future__ import annotations

from django.urls import path
from django.views.i18n import set_language

from alertadmin.accounts.decorators import login_only, public
from alertadmin.dashboard.auth import accept_invitation, address_proof, oidc_views, views

sign_in = public(views.SignInView.as_view())
second_step = public(views.MfaLoginView.as_view())

urlpatterns = [
    path("sign-in/", sign_in, name="sign-in"),
    path("sign-in/second-step/", second_step, name="second-step"),
    path("sign-in/passkey/", views.passkey_sign_in, name="passkey-sign-in"),
    path("sign-in/with/<slug:slug>/", oidc_views.sign_in_with, name="sign-in-with"),
    path("sign-in/with/<slug:provider_id>/back/", oidc_views.callback, name="openid_connect_callback"),
    path("profile/security/with/<slug:slug>/", oidc_views.connect, name="provider-connect"),
    path("profile/security/with/<int:pk>/remove/", oidc_views.disconnect, name="provider-disconnect"),
    path("invitation/<str:token>/", accept_invitation.accept, name="invitation-accept"),
    path("prove-address/<str:token>/", address_proof.prove, name="prove-address"),
    path("confirm/", views.confirm, name="confirm"),
    path("sign-out/", login_only(views.SignOutView.as_view()), name="sign-out"),
    path("first-administrator/<str:token>/", views.first_administrator, name="first-administrator"),
    path("profile/", views.profile, name="profile"),
    path("language/setlang/", login_only(set_language), name="set_language"),
]

# URLs that allauth redirects to, under its names.
urlpatterns += [
    path("sign-in/", sign_in, name="account_login"),
    path("sign-in/second-step/", second_step, name="mfa_authenticate"),
]
