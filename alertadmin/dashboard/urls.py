"""URL configuration of all areas."""

from __future__ import annotations

from django.urls import include, path

AREAS = (
    "health",
    "auth",
    "users",
    "security",
    "passwords",
    "overview",
    "lists",
    "tenants",
    "csv_import",
    "apps",
    "credentials",
    "settings_sheet",
    "setup_wizard",
    "quick_add",
    "mailboxes",
    "ews_migration",
    "channels",
    "consents",
    "deliveries",
    "policies",
    "calendars",
    "status",
    "diagnosis",
    "audit",
    "bulk",
    "search",
    "export",
)

urlpatterns = [path("", include(f"alertadmin.dashboard.{area}.urls")) for area in AREAS]
