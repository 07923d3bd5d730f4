"""Import a CSV file of registrations into an empty installation."""

from __future__ import annotations

import csv
import io
import os
import random
import subprocess
import sys
from datetime import timedelta
from time import perf_counter
from typing import Any
from uuid import UUID

from django.db import connection

from alertadmin.paths import PROJECT
from alertadmin.registry.csv_import import COLUMNS, import_registrations
from alertadmin.registry.models import AppRegistration, Consent, Contact, Credential, Mailbox, Tenant
from benchmarks.installation import Stand, raw, statement
from benchmarks.report import Aim, ReportRow
from benchmarks.seed import APPS, NOW
from benchmarks.sizes import Effort
from benchmarks.timing import Side, Times, interleaved

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


def long_imports(stand: Stand, effort: Effort) -> list[ReportRow]:
    """By the command, in a process of its own, whose peak memory counts. Once: it takes minutes.

    A process's peak includes that of its parent when it was started, so the baseline's rows are read afterwards.
    """
    lines = effort.imported_by_command
    file = stand.folder / "long.csv"
    file.write_bytes(_file(lines))
    measured = []
    for name, options in (("all rows or none", ()), ("the good rows", ("--partial",))):
        stand.fresh("imported")
        measured.append((name, *_command(stand, str(file), *options)))
        if (stored := Credential.objects.count()) != lines:
            raise AssertionError(f"{stored} rows imported, {lines} expected")
    tables = {table: raw().execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}

    def by_hand() -> None:
        list(csv.reader(io.StringIO(file.read_text())))
        _insert(tables)

    bare = Side(by_hand, before=lambda: stand.fresh("imported")).seconds()
    what, aim = "csv, and INSERT of the same rows by the driver", Aim(megabytes_at_most=300)
    return [
        ReportRow(
            f"import {lines:,} lines of CSV by command, {name}",
            what,
            Times((seconds,), (bare,)),
            aim,
            megabytes=megabytes,
        )
        for name, seconds, megabytes in measured
    ]


def _command(stand: Stand, *arguments: str) -> tuple[float, float]:
    """The seconds and the peak megabytes of an import into the database in use."""
    connection.close()
    words = [sys.executable, "manage.py", "import_registrations", *arguments, "--json"]
    environ = {**os.environ, "ALERTADMIN_DATABASE_URL": stand.url}
    began = perf_counter()
    process = subprocess.Popen(words, cwd=PROJECT, env=environ, stdout=subprocess.DEVNULL)
    _pid, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise AssertionError(f"the import ended with {process.returncode}")
    return perf_counter() - began, usage.ru_maxrss / 1024


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
