"""One list of addresses for each area."""

from __future__ import annotations

from django.urls import include, path

AREAS = (
    "health",
    "people",
    "members",
    "factors",
    "passwords",
    "overview",
    "tenants",
    "importing",
    "apps",
    "credentials",
    "sheets",
    "guide",
    "registering",
    "mailboxes",
    "leaving",
    "channels",
    "consents",
    "deliveries",
    "policies",
    "calendars",
    "watching",
    "diagnosis",
    "audit",
)

urlpatterns = [path("", include(f"alertadmin.dashboard.{area}.urls")) for area in AREAS]
