from __future__ import annotations

from django.urls import include, path

from alertadmin.dashboard.people import views

urlpatterns = [
    path("sign-in/", views.SignIn.as_view(), name="sign-in"),
    path("sign-in/second-step/", views.SecondStep.as_view(), name="second-step"),
    path("sign-in/passkey/", views.passkey_sign_in, name="passkey-sign-in"),
    path("confirm/", views.confirm, name="confirm"),
    path("sign-out/", views.SignOut.as_view(), name="sign-out"),
    path("first-administrator/<str:token>/", views.first_administrator, name="first-administrator"),
    path("profile/", views.profile, name="profile"),
    path("language/", include("django.conf.urls.i18n")),
]

# What allauth leads to, by the names that it knows them by.
urlpatterns += [
    path("sign-in/", views.SignIn.as_view(), name="account_login"),
    path("sign-in/second-step/", views.SecondStep.as_view(), name="mfa_authenticate"),
]
