from __future__ import annotations

from django.urls import path

from alertadmin.dashboard.consents import views

urlpatterns = [
    path("consent/", views.consents, name="consents"),
    path("apps/<uuid:pk>/consent/check/", views.consent_check, name="consent-check"),
]
