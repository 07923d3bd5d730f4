"""Preparing a data folder: what is created, what is never replaced, what is kept."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from pytest_django import DjangoAssertNumQueries, Settings

from alertadmin.crypto import keyring
from alertadmin.supervisor.bootstrap import NotPrepared, make_data_dir, prepare
from tests.commands.fork_server import PATIENCE
from tests.commands.installation import fork_server
from tests.conftest import set_environment
from tests.factories import Rows
from tests.supervisor.installation import PROJECT, clean_environ


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_missing_key_file_is_created_without_secrets(rows: Rows, settings: Settings, tmp_path: Path) -> None:
    rows.credential()
    set_environment(settings, KEYS_FILE=str(tmp_path / "keys.json"))
    prepare()
    assert mode(tmp_path / "keys.json") == 0o600
    assert len(keyring.load().ciphers) == 1


def test_lost_key_file_is_not_replaced_with_secrets(
    rows: Rows, settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    credential = rows.credential(value="fT48Q~0123456789abcdefghijklmnopqrstuvwx")
    set_environment(settings, KEYS_FILE=str(tmp_path / "keys.json"))
    prepare()
    assert not (tmp_path / "keys.json").exists()
    assert "put back" in caplog.text
    credential.refresh_from_db()
    assert credential.value
    assert not credential.value.readable


def test_existing_key_file_is_kept(db: None) -> None:
    before = keyring.load().primary
    prepare()
    assert keyring.load().primary == before


def test_key_file_in_missing_folder_is_refused(db: None, settings: Settings, tmp_path: Path) -> None:
    set_environment(settings, KEYS_FILE=str(tmp_path / "gone" / "keys.json"))
    with pytest.raises(NotPrepared, match="there is no folder"):
        prepare()


def test_database_of_newer_version_is_refused(db: None) -> None:
    MigrationRecorder.Migration.objects.create(app="registry", name="9999_of_tomorrow")
    with pytest.raises(NotPrepared, match=r"newer version .*registry\.9999_of_tomorrow"):
        prepare()


def test_preparing_a_ready_folder_runs_few_queries(
    db: None, settings: Settings, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    prepare()
    with django_assert_max_num_queries(4):
        prepare()


def test_secret_key_is_created_once_and_used_at_once(db: None, settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "data"
    set_environment(settings, SECRET_KEY="")
    prepare()
    key = (settings.DATA_DIR / "secret_key").read_text()
    assert len(key) > 50
    assert mode(settings.DATA_DIR / "secret_key") == 0o600
    assert key == settings.SECRET_KEY
    prepare()
    assert (settings.DATA_DIR / "secret_key").read_text() == key


def test_folder_with_other_files_keeps_its_mode(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    (home / "letter.txt").touch()
    make_data_dir(home)
    assert mode(home) == 0o755


def test_empty_folder_gets_mode_700(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir(mode=0o755)
    make_data_dir(empty)
    assert mode(empty) == 0o700


def test_damaged_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "alertadmin.sqlite3").write_bytes(b"this was never a database" * 100)
    code, _out, err = fork_server().run(["up", "--setup"], clean_environ(tmp_path))
    assert code == 1
    assert err.count(b"\n") == 1
    assert b"file is not a database" in err


def test_unreachable_database_server_is_reported_without_password(tmp_path: Path) -> None:
    url = "postgres://ada:canary-password@127.0.0.1:1/alertadmin"
    environ = clean_environ(tmp_path / "data", ALERTADMIN_DATABASE_URL=url)
    code, out, err = fork_server().run(["up", "--setup"], environ)
    assert code == 1
    assert err.count(b"\n") == 1
    assert b"alertadmin on 127.0.0.1" in err
    assert b"canary" not in err + out


@pytest.mark.parametrize("commands", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_commands_at_once_on_new_folder_succeed(tmp_path: Path, commands: int) -> None:
    together = [
        subprocess.Popen(
            [sys.executable, "manage.py", "send_reminders", "--json"],
            cwd=PROJECT,
            env=clean_environ(tmp_path / "data"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _command in range(commands)
    ]
    for process in together:
        output, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, errors
        assert json.loads(output)["ok"] is True
    assert sorted(os.listdir(tmp_path / "data")) == [
        "alertadmin.sqlite3",
        "deliver.lock",
        "keys.json",
        "last-scan.json",
        "prepare.lock",
        "secret_key",
    ]


def test_each_migration_is_one_transaction() -> None:
    """A migration that was killed can be run again, on PostgreSQL too."""
    migrations = MigrationLoader(None).disk_migrations
    assert [key for key, migration in migrations.items() if not migration.atomic] == []
