from __future__ import annotations

from django.urls import path

from alertadmin.dashboard.setup_wizard import (
    application,
    consent,
    credential,
    directory,
    mailbox,
    permissions,
    scripts,
    send_test,
    views,
)

urlpatterns = [
    path("guide/", directory.guide, name="guide"),
    path("guide/<uuid:pk>/", views.resume_guide, name="guide-on"),
    path("guide/<uuid:pk>/directory/", directory.guide_directory, name="guide-directory"),
    path("guide/<uuid:pk>/application/", application.guide_application, name="guide-application"),
    path("guide/<uuid:pk>/permissions/", permissions.guide_permissions, name="guide-permissions"),
    path("guide/<uuid:pk>/consent/", consent.guide_consent, name="guide-consent"),
    path("guide/<uuid:pk>/consent/check/", consent.guide_check, name="guide-check"),
    path("guide/<uuid:pk>/credential/", credential.guide_credential, name="guide-credential"),
    path("guide/<uuid:pk>/credential/prove/", credential.guide_prove, name="guide-prove"),
    path("guide/<uuid:pk>/mailbox/", mailbox.guide_mailbox, name="guide-mailbox"),
    path("guide/<uuid:pk>/test/", send_test.guide_test, name="guide-test"),
    path("guide/<uuid:pk>/test/scope/", send_test.guide_scope, name="guide-scope"),
    path("guide/<uuid:pk>/settings/", send_test.guide_settings, name="guide-settings"),
    path("guide/<uuid:pk>/scripts/", scripts.guide_scripts, name="guide-scripts"),
    path("guide/<uuid:pk>/finish/", send_test.guide_finish, name="guide-finish"),
]
