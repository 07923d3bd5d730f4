"""CSV files for the tests, from rows or bytes."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import UTC, datetime

from alertadmin.registry.csv_import import COLUMNS, ImportResult, NotImported, import_registrations

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
NORTHPARK = "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"
HARBOUR = "6f9619ff-8b86-4011-b42d-00c04fc964ff"
ALERT = "0c0cbd8a-5d1f-4a4e-9d3c-2f6d1a7a9b10"
SECRET = "fT48Q~0123456789abcdefghijklmnopqrstuvwx"
OTHER_SECRET = "kW78Q~zyxwvutsrqponmlkjihgfedcba98765432"

ROW = {
    "tenant_name": "Northpark Energy",
    "directory_id": NORTHPARK,
    "cloud": "global",
    "contact_emails": "it@northpark.example;duty@northpark.example",
    "app_name": "ALERT",
    "client_id": ALERT,
    "audience": "AzureADMyOrg",
    "secret_description": "alert",
    "secret_value": SECRET,
    "secret_expires_on": "2027-12-31",
    "mailbox": "alarms@northpark.example",
    "transport": "graph",
    "key_id": "",
    "credential_type": "",
    "owner": "",
    "time_zone": "",
    "language": "",
}


def row(**cells: str) -> dict[str, str]:
    """A complete registration with these cells changed."""
    return {**ROW, **cells}


def written(*rows: Mapping[str, str], columns: tuple[str, ...] = COLUMNS, separator: str = ",") -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, delimiter=separator, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def imported(*rows: Mapping[str, str]) -> ImportResult:
    return imported_bytes(written(*rows))


def imported_bytes(content: bytes) -> ImportResult:
    return import_registrations(io.BytesIO(content), now=NOW)


def mistakes(*rows: Mapping[str, str]) -> list[tuple[int, str]]:
    """Line and column of each mistake in a file."""
    return [(one.line, one.column) for one in refusal(written(*rows)).mistakes]


def refusal(content: bytes) -> NotImported:
    try:
        done = imported_bytes(content)
    except NotImported as error:
        return error
    raise AssertionError(f"it was imported: {done}")
