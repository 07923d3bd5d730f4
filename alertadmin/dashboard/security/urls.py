from __future__ import annotations

from django.urls import path

from alertadmin.dashboard.security import views

urlpatterns = [
    path("profile/security/", views.security, name="security"),
    path("profile/security/first-factor/", views.factor_offer, name="factor-offer"),
    path("people/signing-in/", views.sign_in_demand, name="sign-in-demand"),
    path("profile/security/authenticator/", views.authenticator_add, name="authenticator-add"),
    path("profile/security/passkey/", views.passkey_add, name="passkey-add"),
    path("profile/security/factors/<int:pk>/remove/", views.factor_remove, name="factor-remove"),
    path("profile/security/recovery-codes/", views.recovery_codes_make, name="recovery-codes-make"),
    path("profile/security/sessions/<int:pk>/end/", views.session_end, name="session-end"),
    path("profile/security/sessions/end/", views.sessions_end, name="sessions-end"),
]
