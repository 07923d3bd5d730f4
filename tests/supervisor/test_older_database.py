"""Tables of an older version: only `up` and `migrate` bring them up to date, and not while that version runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from alertadmin.supervisor import migrations as supervisor_migrations
from alertadmin.supervisor.bootstrap import NotPrepared, prepare
from tests.supervisor.installation import PROJECT

ARGUMENTS: dict[str, list[str]] = {
    "backup": ["copy.backup"],
    "check_consent": [],
    "database_roles": ["alertadmin_app"],
    "export_credentials": [],
    "follow_url": ["global", "--from", "https://old.example"],
    "import_registrations": ["-"],
    "invite": ["ada@contoso.example", "--role", "viewer"],
    "keep_sign_ins": [],
    "keys": [],
    "prune": [],
    "reset_second_factor": ["ada@contoso.example"],
    "rotate_keys": [],
    "send_reminders": [],
    "send_test": ["alarms@contoso.example", "--to", "ada@contoso.example"],
    "sign_in_link": ["ada@contoso.example"],
    "verify_audit": [],
}
UPGRADING = {"up", "restore"}
"""`restore` puts a copy back in an installation that is stopped, and then does what `up` would."""
WITHOUT_DATABASE = {"diagnose"}
COMMANDS = {path.stem for path in (PROJECT / "alertadmin/management/commands").glob("[a-z]*.py")}


@pytest.fixture
def older(db: None) -> MigrationRecorder.Migration:
    """A migration of ours that was not applied here yet, as the rows say."""
    applied = MigrationRecorder.Migration.objects.filter(app="watching")
    last = applied.order_by("-pk")[0]
    applied.delete()  # those that a squashed one replaces too
    return last


@pytest.mark.parametrize("name", sorted(COMMANDS - UPGRADING - WITHOUT_DATABASE))
def test_commands_do_not_migrate_older_tables(
    older: MigrationRecorder.Migration, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command(name, *ARGUMENTS[name])
    said = capsys.readouterr().err
    assert ended.value.code == 1
    assert said.count("\n") == 1
    assert "older version of alertadmin. Stop that version" in said
    assert "manage.py migrate" in said
    assert not MigrationRecorder.Migration.objects.filter(app=older.app, name=older.name).exists()


def test_partly_applied_squashed_migration_is_refused(db: None) -> None:
    applied = MigrationRecorder.Migration.objects.filter(app="outbox")
    applied.filter(name__in=["0001_squashed", "0019_address_proofs"]).delete()
    with pytest.raises(NotPrepared, match=r"lacks outbox\.0019_address_proofs\) that this version cannot migrate"):
        prepare(upgrade=True)


@pytest.mark.postgresql
def test_start_migrates_unless_older_version_runs(
    older: MigrationRecorder.Migration, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(supervisor_migrations, "call_command", lambda name, **_options: done.append(name))
    with still_running("alertadmin 0.0.9"):
        if connection.vendor == "postgresql":
            with pytest.raises(NotPrepared, match=r"still runs \(alertadmin 0\.0\.9 from .*\)\. Stop it"):
                prepare(upgrade=True)
            assert done == []
    with still_running(supervisor_migrations.SETTING_UP), still_running("psql"):
        prepare(upgrade=True)
    assert done == ["migrate"]


@pytest.mark.postgresql
def test_other_version_may_run_with_same_tables(db: None) -> None:
    """Versions with the same tables may work side by side."""
    with still_running("alertadmin 0.0.9"):
        prepare()
        prepare(upgrade=True)


@contextmanager
def still_running(name: str) -> Iterator[None]:
    """A program of this name is connected to the same PostgreSQL database; nothing on SQLite."""
    if connection.vendor != "postgresql":
        yield
        return
    import psycopg

    values = connection.get_connection_params()
    wanted = {key: values[key] for key in ("dbname", "user", "password", "host", "port") if values.get(key)}
    with closing(psycopg.connect(**wanted, application_name=name, autocommit=True)):
        yield
