"""The database as a start finds it: out of reach, empty, behind, ahead of this program, or just right."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from alertadmin.house.refusals import NotPrepared
from alertadmin.registry.encryption import sealed_fields

MIGRATING = 0x616C_6572_7461_646D
"""The number of PostgreSQL's advisory lock: of several machines that start at once, one migrates."""


def migrate() -> None:
    """Brings the tables up to date. Raises NotPrepared if it cannot, or if a newer version was here before."""
    try:
        _make_file()
        with _alone():
            executor = MigrationExecutor(connection)
            _refuse_newer(executor)
            if executor.migration_plan(executor.loader.graph.leaf_nodes()):
                call_command("migrate", interactive=False, verbosity=0)
    except (DatabaseError, ImproperlyConfigured) as error:
        # The first line names host, port and user at most; never the password.
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise NotPrepared(f"The database {where()} cannot be used: {reason}") from error


def where() -> str:
    """The database in words, without its password."""
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        return str(values["NAME"])
    return f"{values['NAME']} on {values['HOST'] or 'this machine'}"


def holds_secrets() -> bool:
    """Whether any row holds something sealed."""
    return any(model._default_manager.filter(**{f"{name}__isnull": False}).exists() for model, name in sealed_fields())


def _make_file() -> None:
    """SQLite would make its file readable by others; its companions take the mode after it."""
    path = Path(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite" and not path.exists():
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


@contextmanager
def _alone() -> Iterator[None]:
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATING])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATING])


def _refuse_newer(executor: MigrationExecutor) -> None:
    if name := _ahead(executor.loader, executor.loader.applied_migrations):
        raise NotPrepared(
            f"The database {where()} was last used by a newer version of alertadmin (it has {name}). "
            "Install that version again, or put back the backup you made before."
        )


def ahead(applied: Collection[tuple[str, str]]) -> str:
    """Of migrations (app, name) that were applied somewhere, one that this version does not know; else empty."""
    return _ahead(MigrationLoader(None), applied)


def _ahead(loader: MigrationLoader, applied: Collection[tuple[str, str]]) -> str:
    known = set(loader.disk_migrations) | {
        old for migration in loader.disk_migrations.values() for old in migration.replaces
    }
    return ".".join(min((key for key in applied if key[0] in loader.migrated_apps and key not in known), default=()))
