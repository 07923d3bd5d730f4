"""Columns of the import with their explanation on the page."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

EXPLAINED: Sequence[tuple[str, str | Promise, str]] = (
    ("tenant_name", _("What you call the company. Required for a new tenant."), "Northpark Energy"),
    ("directory_id", _("Directory (tenant) ID. Required in every row."), "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"),
    ("cloud", _("Empty for Microsoft 365 worldwide."), "global"),
    (
        "contact_emails",
        _("Recipients of reminders, separated by semicolons."),
        "it@northpark.example;duty@northpark.example",
    ),
    ("app_name", _("Required for a new app registration."), "ALERT"),
    ("client_id", _("Application (client) ID."), "9f2c7f3e-5d5f-4c52-8f0e-0d6c3a3f7d11"),
    ("audience", _("Supported account types, as in the manifest."), "AzureADMyOrg"),
    ("secret_description", _("Distinguishes several secrets of one app."), "relay 2026"),
    ("secret_value", _("The value, not the ID. If empty, only the expiry date is monitored."), ""),
    ("secret_expires_on", _("Required for a new secret; in the tenant's time zone."), "2028-11-22"),
    ("mailbox", _("An address that sends through this app."), "alarms@northpark.example"),
    ("transport", _("graph, ews or smtp."), "graph"),
)
