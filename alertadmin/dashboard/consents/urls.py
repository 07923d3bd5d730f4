from __future__ import annotations

from django.urls import path

from alertadmin.dashboard.consents import asking, views

urlpatterns = [
    path("consent/", views.consents, name="consents"),
    path("consent/return/", asking.consent_return, name="consent-return"),
    path("consent/<uuid:pk>/", asking.consent_ask, name="consent-ask"),
    path("apps/<uuid:pk>/consent/check/", views.consent_check, name="consent-check"),
]
