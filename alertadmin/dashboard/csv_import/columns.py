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
    (
        "key_id",
        _("ID of the secret or certificate in Entra (keyId): tells several of one app apart."),
        "6513270e-269e-4d37-b2a7-4de452e6b438",
    ),
    ("credential_type", _("secret or certificate; empty for a secret."), "secret"),
    ("owner", _("Who is responsible for the app registration."), "Network team"),
    ("time_zone", _("Of the tenant; its dates are read in it."), "Europe/Paris"),
    ("language", _("Of the tenant's reminders: en or fr."), "fr"),
)

LABELS: dict[str, str | Promise] = {
    "tenant_name": _("Tenant"),
    "directory_id": _("Directory (tenant) ID"),
    "cloud": _("Cloud"),
    "contact_emails": _("Contacts"),
    "app_name": _("App registration"),
    "client_id": _("Application (client) ID"),
    "audience": _("Supported account types"),
    "secret_description": _("Description of the secret"),
    "secret_value": _("Secret value"),
    "secret_expires_on": _("Expiry date"),
    "mailbox": _("Mailbox"),
    "transport": _("Transport"),
    "key_id": _("Secret ID"),
    "credential_type": _("Secret or certificate"),
    "owner": _("Owner"),
    "time_zone": _("Time zone"),
    "language": _("Language"),
}
"""Of each column, in the words of the pages."""
