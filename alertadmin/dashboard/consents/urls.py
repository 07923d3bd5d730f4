from __future__ import annotations

from django.urls import path

from alertadmin.dashboard.consents import callback, matrix, request_views, views

urlpatterns = [
    path("consent/", views.consents, name="consents"),
    path("consent/check/", views.consents_check, name="consents-check"),
    path("consent/stop/", views.consents_stop, name="consents-stop"),
    path("consent/return/", callback.consent_return, name="consent-return"),
    path("consent/<uuid:pk>/", request_views.consent_ask, name="consent-ask"),
    path("consent/<uuid:pk>/request/", request_views.consent_request, name="consent-request"),
    path("apps/<uuid:pk>/consents/", matrix.app_consents, name="app-consents"),
    path("apps/<uuid:pk>/consents/check/", matrix.app_consents_check, name="app-consents-check"),
    path("apps/<uuid:pk>/consents/stop/", matrix.app_consents_stop, name="app-consents-stop"),
    path("apps/<uuid:pk>/consent/check/", views.consent_check, name="consent-check"),
]
