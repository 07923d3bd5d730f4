"""Bring the database's tables up to date at a start, or refuse: unreachable, newer, in use by an older version."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from alertadmin.audit import trigger_check
from alertadmin.crypto.fields import encrypted_fields
from alertadmin.supervisor.errors import NotPrepared

MIGRATING = 0x616C_6572_7461_646D
"""Key of the PostgreSQL advisory lock: of several machines that start at once, one migrates."""
ENDING = 2.0
"""Seconds for which PostgreSQL may still show the connection of a program that was just stopped."""
PROGRAM = "alertadmin"
SETTING_UP = f"{PROGRAM} setting up"
"""PostgreSQL's application_name during the migration; otherwise it is the program's name and version (settings)."""


def make_ready(*, upgrade: bool) -> None:
    """Create the tables of an empty database; with `upgrade`, migrate those of an older version too.

    With `upgrade`, also restore altered triggers of the audit trail, and record that.
    Raises NotPrepared if the database cannot be used or was migrated by a newer version; if an older version migrated
    it and `upgrade` is false, or that version still runs.
    """
    try:
        _make_file()
        with _alone():
            executor = MigrationExecutor(connection)
            _refuse_newer(executor)
            _refuse_partly_migrated(executor.loader)
            if executor.migration_plan(executor.loader.graph.leaf_nodes()):
                if executor.loader.applied_migrations:
                    _refuse_older(upgrade)
                # A post_migrate handler checks the triggers of the audit trail (accounts/apps.py).
                call_command("migrate", interactive=False, verbosity=0)
            elif upgrade:
                trigger_check.restore(trigger_check.tampered(is_upgrade=False))
    except (DatabaseError, ImproperlyConfigured) as error:
        # The first line may name host, port and user, but no password.
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise NotPrepared(f"The database {database_label()} cannot be used: {reason}") from error


def database_label() -> str:
    """Return a description of the database without its password."""
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        return str(values["NAME"])
    return f"{values['NAME']} on {values['HOST'] or 'this machine'}"


def holds_secrets() -> bool:
    """Return whether any row has an encrypted value."""
    return any(
        model._default_manager.filter(**{f"{name}__isnull": False}).exists() for model, name in encrypted_fields()
    )


def _make_file() -> None:
    """Create the SQLite file with mode 600: SQLite would make it readable by others. -wal and -shm get the same
    mode."""
    path = Path(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite" and not path.exists():
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


@contextmanager
def _alone() -> Iterator[None]:
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        # Not the program's name: another machine that waits for this lock must not count as a running older version.
        cursor.execute(
            "SELECT current_setting('application_name'), set_config('application_name', %s, false), "
            "pg_advisory_lock(%s)",
            [SETTING_UP, MIGRATING],
        )
        [before, *_others] = cursor.fetchone()
        try:
            yield
        finally:
            cursor.execute(
                "SELECT pg_advisory_unlock(%s), set_config('application_name', %s, false)", [MIGRATING, before]
            )


def _refuse_older(upgrade: bool) -> None:
    if not upgrade:
        raise NotPrepared(
            f"The database {database_label()} is of an older version of alertadmin. Stop that version on every "
            "machine, then start this one (./run), or bring the database up to date with: manage.py migrate"
        )
    deadline = time.monotonic() + ENDING
    while found := running_elsewhere():
        if time.monotonic() < deadline:
            time.sleep(0.1)
            continue
        raise NotPrepared(
            f"The database {database_label()} is of an older version of alertadmin that still runs "
            f"({', '.join(found)}). Stop it on every machine, then start this one."
        )


def running_elsewhere() -> list[str]:
    """Return the versions of alertadmin that are connected to this PostgreSQL database, with their client addresses."""
    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        # Within a transaction, pg_stat_activity would repeat its first result.
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT DISTINCT application_name || ' from ' || coalesce(host(client_addr), 'this machine') "
            "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND starts_with(application_name, %s) AND application_name <> %s ORDER BY 1",
            [f"{PROGRAM} ", SETTING_UP],
        )
        return [str(name) for (name,) in cursor.fetchall()]


def _refuse_newer(executor: MigrationExecutor) -> None:
    if name := _ahead(executor.loader, executor.loader.applied_migrations):
        raise NotPrepared(
            f"The database {database_label()} was last used by a newer version of alertadmin (it has {name}). "
            "Install that version again, or put back the backup you made before."
        )


def _refuse_partly_migrated(loader: MigrationLoader) -> None:
    """Refuse a database in which some, but not all, of the migrations that a squashed one replaces were applied.

    Django leaves such a squashed migration out of its plan, so the missing tables would stay missing without an error.
    """
    applied = loader.applied_migrations
    for (app, name), migration in sorted(loader.disk_migrations.items()):
        missing = [old for old in migration.replaces if old not in applied]
        if missing and len(missing) < len(migration.replaces) and (app, name) not in applied:
            raise NotPrepared(
                f"The database {database_label()} is of a development version of alertadmin (it lacks "
                f"{'.'.join(missing[0])}) that this version cannot migrate. Install the last version before the "
                "migrations were squashed (2026-11-30), start it once, then start this one."
            )


def ahead(applied: Collection[tuple[str, str]]) -> str:
    """Return one of the applied migrations (app, name) that this version does not have; else an empty string."""
    return _ahead(MigrationLoader(None), applied)


def _ahead(loader: MigrationLoader, applied: Collection[tuple[str, str]]) -> str:
    known = set(loader.disk_migrations) | {
        old for migration in loader.disk_migrations.values() for old in migration.replaces
    }
    return ".".join(min((key for key in applied if key[0] in loader.migrated_apps and key not in known), default=()))
