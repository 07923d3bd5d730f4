from __future__ import annotations

from django.urls import path

from alertadmin.dashboard.credentials import certificate_views, date_views, snooze_views, views

urlpatterns = [
    path("secrets/", views.credentials, name="credentials"),
    path("secrets/<uuid:pk>/", views.credential, name="credential"),
    path("secrets/<uuid:pk>/edit/", views.credential_edit, name="credential-edit"),
    path("secrets/<uuid:pk>/delete/", views.credential_delete, name="credential-delete"),
    path("secrets/<uuid:pk>/put-off/", snooze_views.credential_snooze, name="credential-hold"),
    path("secrets/<uuid:pk>/put-off/take-back/", snooze_views.credential_resume, name="credential-resume"),
    path("secrets/<uuid:pk>/replace/", views.credential_replace, name="credential-replace"),
    path("secrets/<uuid:pk>/try/", views.credential_promote, name="credential-promote"),
    path("secrets/<uuid:pk>/retire/", views.credential_retire, name="credential-retire"),
    path("secrets/<uuid:pk>/monitor/", views.credential_monitor, name="credential-monitor"),
    path("secrets/<uuid:pk>/certificate/", certificate_views.credential_certificate, name="credential-certificate"),
    path("secrets/read-date/", date_views.read, name="read-date"),
    path("apps/<uuid:pk>/secrets/add/", views.credential_add, name="credential-add"),
    path("apps/<uuid:pk>/certificates/add/", certificate_views.certificate_add, name="certificate-add"),
    path("apps/<uuid:pk>/certificates/make/", certificate_views.certificate_make, name="certificate-make"),
]
