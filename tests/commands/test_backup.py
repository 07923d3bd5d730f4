"""`backup` and `restore`: the file's content, refusals, and the check that every secret can be decrypted."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from alertadmin.supervisor import file_lock
from tests.commands.backups import contents, rewritten, with_key_file
from tests.commands.databases import SERVER
from tests.commands.installation import Installation
from tests.commands.seed import Customers
from tests.security.test_canary import shapes

pytestmark = [pytest.mark.postgresql, pytest.mark.control(17), pytest.mark.usefixtures("its_own_programs")]


def test_restored_installation_with_key_file_decrypts_and_sends(
    used: Installation, elsewhere: Installation, backup: Path, customers: Customers
) -> None:
    with_key_file(elsewhere, used)
    result = elsewhere.run("restore", str(backup), "--json")
    assert (result.code, result.err) == (0, "")
    assert (result.data["secrets"], result.data["read"], result.data["missing_keys"]) == (2, 2, {})
    assert elsewhere.run("send_test", customers.all[0].address, "--to", "me@x.example").code == 0
    said = with_key_file(elsewhere, used).run("restore", str(backup), "--force").out
    assert "2 of 2 secrets decrypted" in said


def test_restore_without_key_file_names_the_missing_key(
    used: Installation, elsewhere: Installation, backup: Path, customers: Customers
) -> None:
    key_id = json.loads((used.folder / "keys.json").read_text())["primary"]
    assert "keys.json is missing" in elsewhere.run("restore", str(backup)).sentence
    result = elsewhere.run("restore", str(backup), "--unauthenticated", "--json")
    assert (result.code, result.data["read"], result.data["missing_keys"]) == (1, 0, {key_id: 2})
    assert not (elsewhere.folder / "keys.json").exists(), "a new ring would hide the loss"
    # Put back later, all is well.
    with_key_file(elsewhere, used)
    assert elsewhere.run("keys", "--json").data["ok"]


@pytest.mark.control(1)
def test_backup_contains_no_secret_and_no_key(used: Installation, backup: Path, customers: Customers) -> None:
    keys = json.loads((used.folder / "keys.json").read_text())["keys"].values()
    secrets = [customer.secret for customer in customers.all]
    assert len(secrets) == 2
    found = contents(backup)
    assert set(found) == {"manifest.json", "seal.json", "database"}
    everything = b"".join(found.values()) + backup.read_bytes()
    for canary in [*secrets, *keys]:
        assert not [shape for shape in shapes(canary) if shape in everything]
    assert backup.stat().st_mode & 0o777 == 0o600
    assert not list(used.folder.glob(".backup-*"))


def test_backup_with_keys_is_complete_and_warns(used: Installation, elsewhere: Installation, tmp_path: Path) -> None:
    path = tmp_path / "with-keys.backup"
    assert "this file gives access to every secret." in used.run("backup", str(path), "--with-keys").out
    assert "keys.json is missing" in elsewhere.run("restore", str(path)).sentence, "its own keys vouch for nothing"
    result = elsewhere.run("restore", str(path), "--unauthenticated", "--json")
    assert (result.code, result.data["read"], result.data["authenticated"]) == (0, 2, False)
    assert (elsewhere.folder / "keys.json").stat().st_mode & 0o777 == 0o600


def test_database_in_use_is_moved_aside_only_with_force(used: Installation, backup: Path, customers: Customers) -> None:
    customers.add()
    customers.bring_into(used)
    assert "is in use already" in used.run("restore", str(backup)).sentence
    assert used.run("keys", "--json").data["keys"][0]["secrets"] == 3
    result = used.run("restore", str(backup), "--force", "--json")
    assert (result.code, result.data["read"]) == (0, 2)
    assert "before-restore-" in result.data["moved_aside_to"]
    if not SERVER:
        old = Path(result.data["moved_aside_to"]) / "alertadmin.sqlite3"
        with closing(sqlite3.connect(old)) as before:
            assert before.execute("SELECT count(*) FROM registry_credential").fetchone() == (3,)


def test_running_installation_is_refused(used: Installation, backup: Path) -> None:
    running = file_lock.FileLock(used.folder / "up.lock")
    try:
        assert "Stop it first" in used.run("restore", str(backup), "--force").sentence
    finally:
        running.release()


def test_invalid_or_incomplete_backup_changes_nothing(
    used: Installation, elsewhere: Installation, backup: Path
) -> None:
    whole, manifest = backup.read_bytes(), json.loads(contents(backup)["manifest.json"])
    spoiled: dict[str, Callable[[], object]] = {
        "This is not a complete backup of alertadmin (": lambda: backup.write_bytes(b"a spreadsheet"),
        "is damaged": lambda: rewritten(backup, database=contents(backup)["database"][:-1] + b"?"),
        "newer version": lambda: rewritten(backup, manifest__json=json.dumps({**manifest, "format": 3}).encode()),
        "it has registry.9999_later": lambda: rewritten(
            backup,
            manifest__json=json.dumps({**manifest, "migrations": ["registry.9999_later"]}).encode(),
        ),
        "is of ": lambda: rewritten(backup, manifest__json=json.dumps({**manifest, "database": "oracle"}).encode()),
        "No such file": backup.unlink,
    }
    for said, spoil in spoiled.items():
        backup.write_bytes(whole)
        spoil()
        assert said in elsewhere.run("restore", str(backup), "--unauthenticated").sentence
    assert not (elsewhere.folder / "alertadmin.sqlite3").exists()
    assert not list(elsewhere.folder.glob(".restore-*"))


def test_existing_file_is_not_overwritten(used: Installation, backup: Path) -> None:
    before = backup.read_bytes()
    assert "is there already" in used.run("backup", str(backup)).sentence
    assert backup.read_bytes() == before
    assert [path.name for path in backup.parent.glob(".a.backup*")] == []


def test_scan_detects_an_old_copy_on_another_machine(
    used: Installation, elsewhere: Installation, tmp_path: Path
) -> None:
    used.run("send_reminders")
    path = tmp_path / "b.backup"
    assert used.run("backup", str(path)).code == 0
    elsewhere.run("restore", str(path), "--unauthenticated")
    remembered = json.loads((elsewhere.folder / "last-scan.json").read_text())
    theirs = json.loads((used.folder / "last-scan.json").read_text())
    assert (remembered["scan"], remembered["at"], remembered["inode"]) == (theirs["scan"], theirs["at"], 0)
