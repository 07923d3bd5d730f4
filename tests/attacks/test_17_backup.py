"""17: an owner inserted into a backup by an attacker with access to its folder. 27: commands in a crafted backup."""

from __future__ import annotations

import hashlib
import io
import json
import os
import sqlite3
import tarfile
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from alertadmin.audit.triggers import SQLITE
from alertadmin.backup import postgresql_rows, sqlite_rows
from alertadmin.backup import seal as backup_seal
from alertadmin.backup.database_copy import CannotCopy
from alertadmin.crypto import keyring
from alertadmin.crypto.keyring import parse
from tests.commands.backups import contents, with_key_file
from tests.commands.conftest import (  # noqa: F401
    backup,
    customers,
    elsewhere,
    fresh,
    installation,
    its_own_programs,
    prepared,
    used,
)
from tests.commands.databases import SERVER
from tests.commands.installation import Installation

pytestmark = [pytest.mark.postgresql, pytest.mark.control(95), pytest.mark.usefixtures("its_own_programs")]

Contents = dict[str, bytes]


def as_sqlite(database: bytes, *statements: str) -> bytes:
    """The same database after these, with SQLite's safeguards off."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "database"
        file.write_bytes(database)
        with closing(sqlite3.connect(file, isolation_level=None)) as opened:
            for one in statements:
                opened.execute(one)
        return file.read_bytes()


def with_database(found: Contents, database: bytes) -> Contents:
    """With a manifest that fits it: all that is needed where checksums lie in the same archive."""
    manifest = json.loads(found["manifest.json"])
    manifest["files"]["database"] = {"sha256": hashlib.sha256(database).hexdigest(), "bytes": len(database)}
    return {**found, "manifest.json": json.dumps(manifest).encode(), "database": database}


def with_another_row(database: bytes) -> bytes:
    """On PostgreSQL any other dump will do."""
    return database + b"x" if SERVER else as_sqlite(database, "UPDATE registry_tenant SET name = 'Mallory'")


def sealed_by(found: Contents, key_id: str) -> Contents:
    """By a ring of the attacker's own."""
    key = parse(json.dumps({"primary": key_id, "keys": {key_id: "A" * 43 + "="}}).encode(), "").backup_keys[key_id]
    seal = backup_seal.Seal(key_id, backup_seal._check_value(key), backup_seal._mac(key, found["manifest.json"]))
    return {**found, "seal.json": json.dumps(asdict(seal)).encode()}


def changed(found: Contents, **values: object) -> Contents:
    return {**found, "manifest.json": json.dumps({**json.loads(found["manifest.json"]), **values}).encode()}


def forgeries(key_id: str) -> dict[str, tuple[Callable[[Contents], Contents], str]]:
    """What is done to a genuine backup, and what `restore` says."""
    altered = "altered after it was made"
    return {
        "a row planted": (lambda one: with_database(one, with_another_row(one["database"])), altered),
        "its date": (lambda one: changed(one, made_at="2026-01-01T00:00:00+00:00"), altered),
        "as of before seals": (
            lambda one: {name: content for name, content in changed(one, format=1).items() if name != "seal.json"},
            "It was made by a version of alertadmin that did not seal",
        ),
        "its seal cut out": (lambda one: {**one, "seal.json": b"{}"}, "This is not a complete backup of alertadmin ("),
        "its seal emptied": (
            lambda one: {**one, "seal.json": json.dumps(EMPTY).encode()},
            "It was sealed with another keyring, by a key",
        ),
        "another ring's": (lambda one: sealed_by(one, "k9"), "It was sealed with another keyring, by a key"),
        "a key of the same name": (lambda one: sealed_by(one, key_id), "It was sealed with another keyring, by a key"),
        "its database alone": (lambda one: {**one, "database": one["database"][:-9] + b"*" * 9}, "is damaged"),
        "a part more": (
            lambda one: {**one, "keys.json": b"{}"},
            "This is not a backup of alertadmin: it contains more than",
        ),
        "a part less": (
            lambda one: {name: one[name] for name in ("manifest.json", "seal.json")},
            "This is not a complete backup of alertadmin (",
        ),
    }


EMPTY = {"key": "", "ring": "", "mac": ""} | {"key": "k1"}


def test_17_what_no_key_vouches_for_is_refused(
    used: Installation,  # noqa: F811
    elsewhere: Installation,  # noqa: F811
    backup: Path,  # noqa: F811
) -> None:
    with_key_file(elsewhere, used)
    key_id = json.loads((used.folder / "keys.json").read_text())["primary"]
    genuine = contents(backup)
    for name, (forge, said) in forgeries(key_id).items():
        backup.unlink()
        write(backup, forge(genuine))
        assert said in elsewhere.run("restore", str(backup)).sentence, name
    write(backup, genuine)
    backup.write_bytes(backup.read_bytes()[:-200])
    assert "This is not a complete backup of alertadmin (" in elsewhere.run("restore", str(backup)).sentence
    assert not (elsewhere.folder / "alertadmin.sqlite3").exists()
    assert not list(elsewhere.folder.glob(".restore-*"))


def write(path: Path, found: Contents) -> None:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in found.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))


def test_17_rotated_keys_still_vouch_and_a_doubted_backup_is_on_the_record(
    used: Installation,  # noqa: F811
    elsewhere: Installation,  # noqa: F811
    backup: Path,  # noqa: F811
) -> None:
    assert used.run("rotate_keys", "--new-key").code == 0
    with_key_file(elsewhere, used)
    result = elsewhere.run("restore", str(backup), "--json")
    assert (result.code, result.data["authenticated"], result.data["read"]) == (0, True, 2)
    assert result.data["left_out"] == []

    genuine = contents(backup)
    backup.unlink()
    write(backup, changed(genuine, version="0.0.1"))
    result = elsewhere.run("restore", str(backup), "--force", "--unauthenticated", "--json")
    assert (result.code, result.data["authenticated"], result.data["read"]) == (0, False, 2)
    listed = elsewhere.run("verify_audit", "--json").data
    assert listed["ok"]


def test_17_where_keys_are_out_of_reach_a_backup_is_refused_unless_it_may_be_unsealed(
    used: Installation,  # noqa: F811
    tmp_path: Path,
) -> None:
    (used.folder / "keys.json").rename(tmp_path / "keys.json")
    path = tmp_path / "b.backup"
    assert "--unsealed" in used.run("backup", str(path)).sentence
    assert not path.exists()
    assert "It has no seal" in used.run("backup", str(path), "--unsealed").out
    assert set(contents(path)) == {"manifest.json", "database"}


CRAFTED = [
    "CREATE TABLE loot (said text)",
    "CREATE TRIGGER crafted AFTER INSERT ON accounts_auditentry BEGIN INSERT INTO loot VALUES ('run'); END",
    "CREATE TRIGGER greedy AFTER UPDATE ON registry_tenant BEGIN DELETE FROM registry_credential; END",
    "CREATE VIEW everything AS SELECT * FROM accounts_user",
    "CREATE VIRTUAL TABLE finder USING fts5(word)",
    "DROP TRIGGER audit_stays",
    "CREATE INDEX heavy ON registry_tenant (hex(zeroblob(8)))",
]


def test_27_what_a_crafted_backup_brings_is_neither_restored_nor_run(
    used: Installation,  # noqa: F811
    backup: Path,  # noqa: F811
) -> None:
    (restore_crafted_dump if SERVER else restore_crafted_file)(used, backup)


def restore_crafted_file(
    one: Installation,
    path: Path,
) -> None:
    genuine = contents(path)
    path.unlink()
    write(path, with_database(genuine, as_sqlite(genuine["database"], *CRAFTED)))
    result = one.run("restore", str(path), "--force", "--unauthenticated", "--json")
    assert (result.code, result.data["read"]) == (0, 2)
    left_out = result.data["left_out"]
    assert {"table loot", "trigger crafted", "trigger greedy", "view everything", "table finder"} <= set(left_out)
    with closing(sqlite3.connect(one.folder / "alertadmin.sqlite3")) as database:
        there = {(kind, name) for kind, name in database.execute("SELECT type, name FROM sqlite_master")}
        assert {name for kind, name in there if kind == "trigger"} == set(SQLITE)
        assert not [name for kind, name in there if kind == "view" or name in ("loot", "finder", "heavy")]
        [(details,)] = database.execute("SELECT details FROM accounts_auditentry WHERE act = 'backup.restored'")
        assert json.loads(details)["kind"].startswith("not authenticated")


POSTGRESQL_CRAFTED = [
    "CREATE TABLE loot (said text)",
    "CREATE FUNCTION crafted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO loot VALUES ('run'); "
    "RETURN NEW; END $$",
    "CREATE TRIGGER crafted BEFORE INSERT ON accounts_auditentry FOR EACH ROW EXECUTE FUNCTION crafted()",
    "CREATE VIEW everything AS SELECT * FROM accounts_user",
]


def restore_crafted_dump(one: Installation, path: Path) -> None:
    import psycopg

    address = one.environ["ALERTADMIN_DATABASE_URL"]
    with closing(psycopg.connect(address, autocommit=True)) as server:
        for statement in POSTGRESQL_CRAFTED:
            server.execute(statement)
    path = path.with_name("crafted.backup")
    assert one.run("backup", str(path)).code == 0
    result = one.run("restore", str(path), "--force", "--json")
    assert (result.code, result.data["read"], result.data["left_out"]) == (0, 2, ["table loot"])
    with closing(psycopg.connect(address, autocommit=True)) as server:
        ours = "AND connamespace = 'public'::regnamespace"
        assert not server.execute(
            "SELECT 1 FROM pg_trigger WHERE tgname = 'crafted' AND tgrelid IN "
            "(SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)"
        ).fetchall()
        assert not server.execute("SELECT 1 FROM pg_views WHERE schemaname = 'public'").fetchall()
        assert server.execute(f"SELECT 1 FROM pg_constraint WHERE contype = 'f' {ours} LIMIT 1").fetchall()
        # The sequences go on after the rows.
        [(last,)] = server.execute("SELECT max(id) FROM django_content_type").fetchall()
        [(following,)] = server.execute(
            "SELECT nextval(pg_get_serial_sequence('django_content_type', 'id'))"
        ).fetchall()
        assert following == last + 1


def stand_in(kind: str) -> list[str]:
    """Another thing in the place of a table of ours."""
    return {
        "a view": [
            "DROP TABLE t",
            "CREATE VIEW t AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i) SELECT i FROM n",
        ],
        "a virtual table": ["DROP TABLE t", "CREATE VIRTUAL TABLE t USING fts5(i)"],
        "a generated column": ["DROP TABLE t", "CREATE TABLE t (j, i AS (hex(zeroblob(1000000000))))"],
        "a column more": ["DROP TABLE t", "CREATE TABLE t (i, j)"],
        "a column less": ["DROP TABLE t", "CREATE TABLE t (j)"],
        "nothing": ["DROP TABLE t"],
    }[kind]


@pytest.mark.parametrize(
    "kind", ["a view", "a virtual table", "a generated column", "a column more", "a column less", "nothing"]
)
def test_27_what_stands_in_for_a_table_is_refused(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "database"
    file.write_bytes(as_sqlite(b"", "CREATE TABLE t (i)", *stand_in(kind)))
    with pytest.raises(CannotCopy):
        sqlite_rows.copy(file, {"t": ["i"]})


COMMANDS = [
    "COPY public.accounts_user (id) FROM PROGRAM 'touch /tmp/run';",
    "COPY public.accounts_user (id) FROM stdin; DROP TABLE accounts_user;",
    "COPY public.accounts_user (id) FROM '/etc/passwd';",
    "COPY public.accounts_user FROM stdin;",
    "COPY public.accounts_user (id) TO PROGRAM 'sh';",
    "COPY (SELECT 1) TO stdout;",
    "COPY a.b.c (id) FROM stdin;",
    'COPY public."x (id) FROM stdin;',
]


@pytest.mark.parametrize("command", COMMANDS)
def test_27_a_command_in_the_place_of_rows_is_refused(command: str) -> None:
    with pytest.raises(CannotCopy):
        postgresql_rows._table(command.encode() + b"\n")


def test_27_the_names_of_a_dump_are_read_as_they_are() -> None:
    line = b'COPY public."a ""b""" (id, "order", c_1) FROM stdin;\n'
    assert postgresql_rows._table(line) == ('a "b"', ["id", "order", "c_1"])


def test_17_a_database_that_unpacks_to_far_more_is_refused_where_nothing_vouches_for_it(
    used: Installation,  # noqa: F811
    backup: Path,  # noqa: F811
) -> None:
    genuine = contents(backup)
    backup.unlink()
    write(backup, with_database(genuine, bytes(200 << 20)))
    sentence = used.run("restore", str(backup), "--force", "--unauthenticated").sentence
    assert "The backup contains more than it should." in sentence


def test_17_a_ring_without_the_key_says_so_and_a_seal_never_holds_a_key() -> None:
    ring = keyring.load()
    seal: Any = asdict(backup_seal.create_seal(b"{}"))
    assert backup_seal.broken_seal(b"{}", backup_seal.Seal(**seal)) == ""
    assert backup_seal.broken_seal(b"{} ", backup_seal.Seal(**seal))
    assert set(seal) == {"key", "ring", "mac"}
    assert all(key.hex() not in os.fsdecode(json.dumps(seal)) for key in ring.backup_keys.values())
