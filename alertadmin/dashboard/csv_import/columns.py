"""The columns of an import, as the page explains them."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

EXPLAINED: Sequence[tuple[str, str | Promise, str]] = (
    ("tenant_name", _("What you call the company. Needed for a new tenant."), "Northpark Energy"),
    ("directory_id", _("Directory (tenant) ID. Needed in every row."), "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"),
    ("cloud", _("Empty for Microsoft 365 worldwide."), "global"),
    ("contact_emails", _("Who is told, parted by semicolons."), "it@northpark.example;duty@northpark.example"),
    ("app_name", _("Needed for a new app registration."), "ALERT"),
    ("client_id", _("Application (client) ID."), "9f2c7f3e-5d5f-4c52-8f0e-0d6c3a3f7d11"),
    ("audience", _("Supported account types, as in the manifest."), "AzureADMyOrg"),
    ("secret_description", _("Tells several secrets of one app apart."), "relay 2026"),
    ("secret_value", _("The value, not the ID. Empty: only the end is watched."), ""),
    ("secret_expires_on", _("Needed for a new secret; in the tenant's time zone."), "2028-11-22"),
    ("mailbox", _("An address that sends through this app."), "alarms@northpark.example"),
    ("transport", _("graph, ews or smtp."), "graph"),
)
