"""A database of the last development version before the renaming and the coded texts, with a row in every table.

`development.*.sql` are dumps that SQLite and pg_dump made of it; its secrets are encrypted with the key in KEYS.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mailer.coded_text import english
from tests.commands.databases import database
from tests.commands.installation import Installation

pytestmark = pytest.mark.postgresql

FOLDER = Path(__file__).parent
KEYS = {"primary": "k0123abc", "keys": {"k0123abc": "A" * 43 + "="}}
CODED = {
    ("outbox_delivery", "reason"),
    ("outbox_attempt", "route"),
    ("outbox_attempt", "technical"),
    ("outbox_attempt", "steps"),
    ("registry_consent", "technical"),
    ("registry_signin", "technical"),
    ("watching_ping", "trouble"),
}
"""Columns whose English sentences became codes."""
LIBRARIES = ("auth_", "django_", "account_", "mfa_", "socialaccount_", "usersessions_", "sqlite_")

Rows = dict[str, list[dict[str, Any]]]


@contextmanager
def loaded(tmp_path: Path) -> Iterator[Installation]:
    """An installation whose database is the dump."""
    tmp_path.joinpath("keys.json").write_text(json.dumps(KEYS))
    tmp_path.joinpath("keys.json").chmod(0o600)
    with database() as environ:
        if environ:
            import psycopg

            with closing(psycopg.connect(environ["ALERTADMIN_DATABASE_URL"], autocommit=True)) as server:
                server.execute((FOLDER / "development.postgresql.sql").read_bytes())
        else:
            with closing(sqlite3.connect(tmp_path / "alertadmin.sqlite3")) as file:
                # As Django's connections have it: constraints ask for it.
                file.create_function("REGEXP", 2, lambda pattern, text: re.search(pattern, str(text)) is not None)
                file.executescript((FOLDER / "development.sqlite.sql").read_text("utf-8"))
            tmp_path.joinpath("alertadmin.sqlite3").chmod(0o600)
        yield Installation(tmp_path, {**environ, "ALERTADMIN_KEYS_FILE": str(tmp_path / "keys.json")})


@dataclass(frozen=True)
class Upgrade:
    installation: Installation
    before: Rows
    after: Rows


@pytest.fixture(scope="module")
def upgrade(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upgrade]:
    with loaded(tmp_path_factory.mktemp("upgrade")) as installation:
        before = rows(installation)
        assert installation.run("migrate").code == 0
        yield Upgrade(installation, before, rows(installation))


def query(installation: Installation, statement: str) -> list[dict[str, Any]]:
    if url := installation.environ.get("ALERTADMIN_DATABASE_URL"):
        import psycopg
        from psycopg.rows import dict_row

        with closing(psycopg.connect(url, autocommit=True, row_factory=dict_row)) as server:
            cursor = server.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []
    with closing(sqlite3.connect(installation.folder / "alertadmin.sqlite3")) as file:
        file.row_factory = sqlite3.Row
        found = [dict(row) for row in file.execute(statement)]
        file.commit()
        return found


def rows(installation: Installation) -> Rows:
    """Of every table of ours, in the order of their first column."""
    url = installation.environ.get("ALERTADMIN_DATABASE_URL")
    named = "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"
    tables = query(installation, named if url else "SELECT name FROM sqlite_master WHERE type = 'table'")
    names = sorted(row["name"] for row in tables if not row["name"].startswith(LIBRARIES))
    return {name: query(installation, f"SELECT * FROM {name} ORDER BY 1, 2") for name in names}


def without_coded(found: Rows) -> Rows:
    return {
        table: [{name: value for name, value in row.items() if (table, name) not in CODED} for row in of_table]
        for table, of_table in found.items()
    }


def test_every_row_is_kept(upgrade: Upgrade) -> None:
    assert [table for table, found in upgrade.before.items() if not found] == []
    assert len(upgrade.before) > 35
    columns = {table: found[0].keys() for table, found in upgrade.before.items()}
    known = {table: [{name: row[name] for name in columns[table]} for row in upgrade.after[table]] for table in columns}
    assert without_coded(known) == without_coded(upgrade.before)


def test_stored_sentences_become_codes_and_other_words_stay(upgrade: Upgrade) -> None:
    now = upgrade.after
    reasons = sorted(row["reason"] for row in now["outbox_delivery"])
    assert reasons == [
        "",
        "Microsoft's own words: 550 5.7.1",
        '{"code": "outbox.channel_deleted"}',
        '{"code": "outbox.no_route"}',
        '{"code": "outbox.not_prepared", "params": {"error": "ValueError"}}',
        '{"code": "outbox.send_now"}',
    ]
    first, second = now["outbox_attempt"]
    assert (first["route"], first["technical"]) == (
        '{"code": "outbox.relay"}',
        '{"code": "outbox.unexpected", "params": {"error": "KeyError"}}',
    )
    assert (second["route"], second["technical"]) == (
        "alarms@northpark.example, Microsoft Graph",
        "HTTP 403 ErrorAccessDenied",
    )
    steps = first["steps"] if isinstance(first["steps"], list) else json.loads(first["steps"])
    assert [english(step["detail"]) for step in steps] == ["valid until 07:31 UTC", "Mail.Send is not in the token", ""]
    assert sorted(row["technical"] for row in now["registry_consent"]) == [
        "AADSTS7000222: The provided client secret keys are expired.",
        '{"code": "registry.no_secret", "params": {"app": "ALERT"}}',
    ]
    assert now["watching_ping"][0]["trouble"] == '{"code": "monitoring.too_slow"}'
    assert now["registry_signin"][0]["technical"] == (
        '{"code": "registry.not_signed_in", "params": {"address": "p@x.example"}}'
    )


def test_secrets_decrypt_and_the_audit_trail_verifies(upgrade: Upgrade) -> None:
    encrypted = sum(
        row[name] is not None
        for table, name in (
            ("registry_credential", "value"),
            ("registry_mailbox", "password"),
            ("registry_mailbox", "refresh_token"),
            ("registry_signin", "device_code"),
            ("registry_signin", "held_token"),
            ("registry_factorsecret", "value"),
            ("outbox_channel", "address"),
            ("outbox_channel", "signing_key"),
        )
        for row in upgrade.after[table]
    )
    rotated = upgrade.installation.run("rotate_keys", "--new-key", "--json")
    assert (rotated.code, rotated.data["rotated"]) == (0, encrypted), rotated
    assert upgrade.installation.run("verify_audit", "--json").data["ok"]


def test_a_database_without_the_last_migrations_of_the_development_is_refused(tmp_path: Path) -> None:
    with loaded(tmp_path) as older:
        query(older, "DELETE FROM django_migrations WHERE app = 'registry' AND name = '0017_confirmed_sign_ins'")
        before = rows(older)
        said = older.run("up", "--setup")
        assert said.code == 1, said
        assert "it lacks registry.0017_confirmed_sign_ins" in said.err
        assert said.err.strip().count("\n") == 0
        assert rows(older) == before
