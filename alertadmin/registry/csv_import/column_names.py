"""The columns of an import, and the names that portals, scripts and spreadsheets give them."""

from __future__ import annotations

import re
import unicodedata

COLUMNS = (
    "tenant_name",
    "directory_id",
    "cloud",
    "contact_emails",
    "app_name",
    "client_id",
    "audience",
    "secret_description",
    "secret_value",
    "secret_expires_on",
    "mailbox",
    "transport",
)
"""As the documentation names them; the order of an empty table to fill in."""
ALIASES = {
    "tenant_name": (
        "tenant", "customer", "customer name", "company", "company name", "organization", "client name",
        "client", "nom du client", "locataire", "société", "kunde", "kundenname", "mandant", "firma",
    ),
    "directory_id": (
        "directory (tenant) ID", "tenant ID", "customer ID", "ID de l’annuaire (locataire)", "ID du locataire",
        "ID de locataire", "Verzeichnis-ID (Mandant)", "Mandanten-ID", "Verzeichnis-ID",
    ),
    "contact_emails": (
        "contacts", "contact", "email", "emails", "contact email", "owner email", "notification email",
        "courriel", "adresse e-mail", "E-Mail-Adresse", "Kontakt",
    ),
    "app_name": (
        "display name", "application name", "app display name", "application", "app", "app registration",
        "nom d’affichage", "nom de l’application", "Anzeigename", "Anwendungsname", "Name der Anwendung",
    ),
    "client_id": (
        "application (client) ID", "app ID", "application ID", "ID d’application (client)", "ID de l’application",
        "ID client", "Anwendungs-ID (Client)", "Anwendungs-ID",
    ),
    "audience": ("sign in audience", "supported account types", "types de comptes pris en charge", "Kontotypen"),
    "secret_description": (
        "secret name", "secret display name", "credential name", "description", "nom du secret", "Beschreibung",
        "Name des Geheimnisses",
    ),
    "secret_value": ("value", "secret", "client secret", "secret text", "valeur", "secret client", "Wert"),
    "secret_expires_on": (
        "expires", "expires on", "expiry", "expiry date", "expiration", "expiration date", "end date", "end date time",
        "secret end date", "secret expiry", "secret expiration", "valid until", "end", "expire le",
        "date d’expiration", "date de fin", "Ablaufdatum", "gültig bis", "läuft ab", "läuft ab am", "Enddatum",
    ),
    "mailbox": (
        "sender", "sender address", "from", "shared mailbox", "boîte aux lettres", "expéditeur", "Postfach", "Absender",
    ),
    "transport": ("protocol", "protocole", "Protokoll"),
}  # fmt: skip
"""Microsoft's portal in English, French and German, `az`, the Graph PowerShell SDK, and common spreadsheets."""


def column_of(name: str) -> str:
    """The column that a header names; empty if none. Case, accents and punctuation do not matter."""
    return _COLUMNS.get(_key(name), "")


def _key(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name).casefold()
    return re.sub(r"[^a-z0-9]", "", letters)


_COLUMNS = {_key(column): column for column in COLUMNS} | {
    _key(alias): column for column, aliases in ALIASES.items() for alias in aliases
}
