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
    "key_id",
    "credential_type",
    "owner",
    "time_zone",
    "language",
)
"""As the documentation names them; the order of an empty table to fill in."""
ALIASES = {
    "tenant_name": (
        "tenant", "customer", "customer name", "company", "company name", "organization", "client name",
        "client", "tenant display name", "nom du client", "locataire", "société", "kunde", "kundenname",
        "mandant", "firma",
    ),
    "directory_id": (
        "directory (tenant) ID", "tenant ID", "customer ID", "ID de l’annuaire (locataire)", "ID du locataire",
        "ID de locataire", "Verzeichnis-ID (Mandant)", "Mandanten-ID", "Verzeichnis-ID", "app owner organization ID",
        "app owner tenant ID", "organization ID", "home tenant ID",
    ),
    "contact_emails": (
        "contacts", "contact", "email", "emails", "contact email", "notification email", "courriel", "adresse e-mail",
        "E-Mail-Adresse", "Kontakt",
    ),
    "app_name": (
        "display name", "name", "application name", "app display name", "application display name", "application",
        "app", "app registration", "app registration name", "registered app name",
        "nom d’affichage", "nom de l’application", "Anzeigename", "Anwendungsname", "Name der Anwendung",
    ),
    "client_id": (
        "application (client) ID", "app ID", "application ID", "ID d’application (client)", "ID de l’application",
        "ID client", "Anwendungs-ID (Client)", "Anwendungs-ID",
    ),
    "audience": ("sign in audience", "supported account types", "types de comptes pris en charge", "Kontotypen"),
    "secret_description": (
        "secret name", "secret display name", "credential name", "credential display name", "credential description",
        "key name", "key display name", "description", "nom du secret", "Beschreibung", "Name des Geheimnisses",
    ),
    "secret_value": (
        "value", "secret", "client secret", "client secret value", "secret text", "valeur", "secret client", "Wert",
    ),
    "secret_expires_on": (
        "expires", "expires on", "expiry", "expiry date", "expiration", "expiration date", "end date", "end date time",
        "secret end date", "secret expiry", "secret expiration", "secret expiry date", "secret expiration date",
        "secret expires", "credential expiry", "credential end date", "expires at", "expiry time", "expiration time",
        "valid until", "valid to", "not after", "end", "ends", "expire le",
        "date d’expiration", "date de fin", "Ablaufdatum", "gültig bis", "läuft ab", "läuft ab am", "Enddatum",
    ),
    "mailbox": (
        "sender", "sender address", "from", "shared mailbox", "boîte aux lettres", "expéditeur", "Postfach", "Absender",
    ),
    "transport": ("protocol", "protocole", "Protokoll"),
    "key_id": (
        "secret ID", "secret key ID", "credential ID", "key identifier", "password ID", "ID du secret", "ID secret",
        "ID de clé", "Geheimnis-ID", "Schlüssel-ID", "ID des geheimen Clientschlüssels",
    ),
    "credential_type": (
        "type", "kind", "key type", "secret type", "type of credential", "credential kind", "type d’identifiant", "Typ",
    ),
    "owner": (
        "owners", "owner name", "owner UPN", "owner email", "owner user principal name", "app owner",
        "application owner", "owner display name", "propriétaire", "propriétaires", "Besitzer", "Eigentümer",
    ),
    "time_zone": ("zone", "IANA time zone", "fuseau horaire", "Zeitzone"),
    "language": ("preferred language", "locale", "langue", "Sprache"),
}  # fmt: skip
"""Microsoft's portal in English, French and German, `az`, the Graph PowerShell SDK, and common spreadsheets."""


VAGUE = ("display name", "name", "application", "description", "type", "kind", "value", "end", "client", "zone")
"""Names that mean something else beside a clearer one: the display name of a secret beside "application name"."""


def column_of(name: str) -> str:
    """The column that a header names; empty if none. Case, accents and punctuation do not matter."""
    return _COLUMNS.get(_key(name), "")


def is_vague(name: str) -> bool:
    return _key(name) in _VAGUE


def _key(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name).casefold()
    return re.sub(r"[^a-z0-9]", "", letters)


_COLUMNS = {_key(column): column for column in COLUMNS} | {
    _key(alias): column for column, aliases in ALIASES.items() for alias in aliases
}
_VAGUE = frozenset(map(_key, VAGUE))
