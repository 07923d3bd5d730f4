"""Import a CSV file of registrations into an empty installation."""

from __future__ import annotations

import csv
import io
import random
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from alertadmin.registry.csv_import import COLUMNS, import_registrations
from alertadmin.registry.models import AppRegistration, Consent, Contact, Credential, Mailbox, Tenant
from benchmarks.installation import Stand, raw, statement
from benchmarks.report import Aim, ReportRow
from benchmarks.seed import APPS, NOW
from benchmarks.sizes import Effort
from benchmarks.timing import Side, interleaved

TABLES = [model._meta.db_table for model in (Tenant, Contact, AppRegistration, Credential, Mailbox, Consent)]
"""In the order of foreign keys."""


def imports(stand: Stand, effort: Effort) -> list[ReportRow]:
    file = _file(effort.imported)

    def fresh() -> None:
        stand.fresh("imported")

    def ours() -> None:
        imported = import_registrations(io.BytesIO(file), now=NOW)
        if imported.rows != effort.imported:
            raise AssertionError(f"{imported.rows} rows imported, {effort.imported} expected")

    fresh()
    ours()
    stored = {table: raw().execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}

    def by_hand() -> None:
        list(csv.reader(io.StringIO(file.decode())))
        _insert(stored)

    times = interleaved(Side(ours, before=fresh), Side(by_hand, before=fresh), effort.few_repeats)
    name = f"import {effort.imported:,} lines of CSV"
    return [ReportRow(name, "csv, and INSERT of the same rows by the driver", times, Aim(seconds_at_most=10))]


def _file(lines: int) -> bytes:
    """Return the file: one app a line, with a secret and a mailbox, ten apps a tenant."""
    chance = random.Random(lines)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    for number in range(lines):
        tenant = number // APPS
        writer.writerow(
            {
                "tenant_name": f"Customer {tenant:05d}",
                "directory_id": UUID(int=tenant + 1, version=4),
                "cloud": "global",
                "contact_emails": f"duty@customer{tenant}.example; it@customer{tenant}.example",
                "app_name": f"ALERT {number % APPS}",
                "client_id": UUID(int=chance.getrandbits(128), version=4),
                "audience": "AzureADMyOrg",
                "secret_description": "ALERT 2024",
                "secret_value": f"{chance.getrandbits(192):048x}",
                "secret_expires_on": (NOW + timedelta(days=chance.randrange(1, 700))).date(),
                "mailbox": f"alarms{number % APPS}@customer{tenant}.example",
                "transport": "graph",
            }
        )
    return text.getvalue().encode()


def _insert(stored: dict[str, list[Any]]) -> None:
    driver = raw()
    driver.execute("BEGIN IMMEDIATE" if connection.vendor == "sqlite" else "BEGIN")
    for table, rows in stored.items():
        if rows:
            places = ", ".join(["%s"] * len(rows[0]))
            driver.cursor().executemany(statement(f"INSERT INTO {table} VALUES ({places})"), rows)
    driver.execute("COMMIT")
