"""Shared fixtures: a sandbox in place of Microsoft 365, a database in a file, rows to start from."""

from __future__ import annotations

import dataclasses
import gc
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher, make_password
from django.contrib.contenttypes.management import create_contenttypes
from django.db.models.signals import post_migrate
from django.utils import translation
from pytest_django import Settings
from whitenoise.middleware import WhiteNoiseMiddleware

from alertadmin.accounts.models import User
from alertadmin.accounts.models.membership import make_owner
from alertadmin.accounts.models.mfa_policy import MfaPolicy, MfaRequirement
from alertadmin.accounts.oidc import http_session
from alertadmin.crypto import envelope, key_usage, keyring
from alertadmin.monitoring import health_report
from alertadmin.outbox.delivery import connections
from mailer.http import outbound_proxy
from sandbox import Sandbox
from tests.factories import Rows
from tests.helpers import migrated_database

if TYPE_CHECKING:
    # Needs psycopg, which only PostgreSQL needs.
    from tests.helpers.postgresql_template import PostgresqlTemplate

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
PASSWORD = "correct horse battery staple"


CHEAP = {"time_cost": 1, "memory_cost": 8, "parallelism": 1}
"""Argon2's cost while testing (rounds, KiB, lanes): a hash takes 0.1 ms instead of 100."""
COSTLY = {name: getattr(Argon2PasswordHasher, name) for name in CHEAP}

USES_ROWS = {"db", "transactional_db", "django_db_setup"}
SAME_ON_EVERY_DATABASE = (
    *("accounts/oidc", "attacks", "benchmarks", "dashboard", "docs", "e2e", "i18n", "mailer", "outages", "sandbox"),
    *("security", "style"),
    "monitoring/test_heartbeat.py",
    "monitoring/test_setting_checks.py",
    "monitoring/test_system_mails.py",
    "outbox/channels",
    "outbox/delivery/test_drafts.py",
    "outbox/delivery/test_routing.py",
    "outbox/delivery/test_sender.py",
    "outbox/test_outages.py",
    "registry/csv_import/test_refusals.py",
    "registry/test_checks.py",
    "reminders/restore",
    "reminders/test_state_machine.py",
)
"""Folders and files whose tests use no rows, or ask the database for nothing that another could answer otherwise."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark for PostgreSQL what uses rows, except SAME_ON_EVERY_DATABASE.

    A single test in there that compares text, locks, counts attempts or sends SQL of its own, and a command in a
    process, is marked where it is written.
    Slow tests may take an hour each before they count as hung; see `timeout` in pyproject.toml for the others.
    """
    same = tuple(f"tests/{path}" for path in SAME_ON_EVERY_DATABASE)
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.timeout(3600))
        uses_rows = item.get_closest_marker("django_db") or USES_ROWS & set(getattr(item, "fixturenames", ()))
        if uses_rows and not item.nodeid.startswith(same):
            item.add_marker(pytest.mark.postgresql)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not import a file for `-m "postgresql and ..."` that has no test for it: importing all takes seconds."""
    if not config.getoption("markexpr").lstrip("(").startswith("postgresql") or collection_path.suffix != ".py":
        return None
    is_excluded = collection_path.relative_to(config.rootpath / "tests").as_posix().startswith(SAME_ON_EVERY_DATABASE)
    return True if is_excluded and "mark.postgresql" not in collection_path.read_text(encoding="utf-8") else None


def pytest_collection_finish() -> None:
    """Keep what was imported and collected out of the garbage collector's way: it lives as long as the process."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def kept_databases(request: pytest.FixtureRequest) -> Path:
    """The folder of tests/helpers/migrated_database.py."""
    cache: pytest.Cache = request.config.cache
    return cache.mkdir("migrated")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Keep SQLite in a file, which threads and processes share as in production, but do not wait for the disk."""
    from django.conf import settings

    from tests.pytest_environment import FOLDER

    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        database.setdefault("TEST", {})["NAME"] = str(FOLDER / "test.sqlite3")
        options = database["OPTIONS"]
        options["init_command"] = options["init_command"].replace("synchronous=FULL", "synchronous=OFF")


@pytest.fixture(scope="session")
def django_db_keepdb(django_db_modify_db_settings: None, kept_databases: Path) -> bool:
    """Whether the test database is a copy of one that an earlier run migrated, so that it need not be."""
    from django.conf import settings

    database = settings.DATABASES["default"]
    if not database["ENGINE"].endswith("sqlite3"):
        return False
    test = database["TEST"]
    is_copied = migrated_database.restore(kept_databases, Path(test["NAME"]))
    test["MIGRATE"] = not is_copied
    return is_copied


@pytest.fixture(scope="session")
def postgresql_template(django_db_modify_db_settings: None) -> Iterator[PostgresqlTemplate | None]:
    """On PostgreSQL: the database that the first worker of a run migrates and the others copy, one after another."""
    from django.conf import settings

    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        yield None
        return
    from tests.helpers.postgresql_template import PostgresqlTemplate

    with PostgresqlTemplate(os.environ["ALERTADMIN_DATABASE_URL"]) as template:
        if template.exists():
            database.setdefault("TEST", {}).update(TEMPLATE=template.NAME, MIGRATE=False)
        yield template


@pytest.fixture(scope="session")
def django_db_setup(
    postgresql_template: PostgresqlTemplate | None, django_db_setup: None, django_db_keepdb: bool, kept_databases: Path
) -> None:
    """Keep what was migrated. Then fill the tables of content types and permissions no more, which Django does after
    each test that commits: no program reads them, and filling them took longer than emptying all tables.
    """
    from django.conf import settings

    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3") and not django_db_keepdb:
        migrated_database.keep(kept_databases, Path(database["TEST"]["NAME"]))
    if postgresql_template:
        postgresql_template.keep()
    post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")
    post_migrate.disconnect(create_contenttypes)


@pytest.fixture(scope="session", autouse=True)
def emptied_with_the_audit_trail() -> Iterator[None]:
    """Drop the audit trail's triggers while Django empties all tables after a test that commits: they would refuse it.
    `flush` ends with the signal that restores them."""
    from django.db.backends.base.operations import BaseDatabaseOperations as Operations

    from tests.audit.tamper import without_triggers

    emptied = Operations.execute_sql_flush

    def execute_sql_flush(operations: Any, statements: Any) -> None:
        with without_triggers():
            emptied(operations, statements)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Operations, "execute_sql_flush", execute_sql_flush)
        yield


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Keep the real hasher class and lower its cost parameters only."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CHEAP.items():
            patch.setattr(Argon2PasswordHasher, name, value)
        yield


@pytest.fixture(scope="session", autouse=True)
def static_files_found_once() -> Iterator[None]:
    """Look at the static files once a process: each test client makes a middleware of its own."""
    find = WhiteNoiseMiddleware.add_files_from_finders
    found: dict[str, Any] = {}

    def add_files_from_finders(middleware: Any) -> None:
        if not found:
            find(middleware)
            found.update(middleware.files)
        middleware.files.update(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", add_files_from_finders)
        yield


@pytest.fixture
def costly_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2's production cost, for tests of the hash itself."""
    for name, value in COSTLY.items():
        monkeypatch.setattr(Argon2PasswordHasher, name, value)


@pytest.fixture(scope="session")
def running_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """It is never restarted in its folder, so it neither saves its directory nor syncs to disk."""
    with Sandbox(tmp_path_factory.mktemp("sandbox"), fsync=False, persist=False) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: Sandbox, settings: Settings) -> Iterator[Sandbox]:
    """The session's sandbox without faults of other tests; the installation's clouds file names it."""
    running_sandbox.faults.clear()
    set_environment(settings, CLOUDS_FILE=str(running_sandbox.clouds_file))
    yield running_sandbox
    running_sandbox.faults.clear()


@pytest.fixture
def relay(sandbox: Sandbox, settings: Settings) -> Sandbox:
    """The installation has an SMTP relay, used as the last resort."""
    set_environment(settings, SMTP_URL=f"smtp://{sandbox.relay_host}:{sandbox.relay_port}")
    return sandbox


@pytest.fixture(autouse=True)
def fresh_connections() -> Iterator[None]:
    """Clear the process's cached transports, tokens and relay, and the last scan, before each test."""
    from tests.pytest_environment import FOLDER

    yield
    (FOLDER / "last-scan.json").unlink(missing_ok=True)
    for cached in (connections.tokens, connections.transport, connections.open_relay):
        cached.cache_clear()
    keyring.forget()
    key_usage.forget()
    envelope.forget()
    http_session.forget()
    health_report.forget()
    outbound_proxy.use(None)


@pytest.fixture(autouse=True)
def own_language() -> Iterator[None]:
    """Reset the language that a page activated in the thread."""
    yield
    translation.deactivate()


def set_environment(settings: Settings, **values: str) -> None:
    """Settings as if these ALERTADMIN_ variables had been set at start."""
    environment: Any = settings.ENVIRONMENT
    named = {f"ALERTADMIN_{name}": value for name, value in values.items()}
    settings.ENVIRONMENT = dataclasses.replace(environment, values={**environment.values, **named})
    keyring.forget()
    key_usage.forget()
    envelope.forget()


@pytest.fixture
def rows(db: None) -> Rows:
    return Rows(NOW)


@pytest.fixture
def no_factor_asked(db: None) -> None:
    """Set the MFA policy to optional, so that a first sign-in leads to the requested page."""
    MfaPolicy.objects.create(second_factor=MfaRequirement.OPTIONAL)


@pytest.fixture
def administrator(db: None) -> User:
    """An owner of the installation."""
    ada = User.objects.create(
        email="ada@northpark.example", password=hashed_password(), name="Ada", time_zone="Europe/Paris"
    )
    make_owner(ada)
    return ada


@cache
def hashed_password() -> str:
    """Hashed once per run."""
    return make_password(PASSWORD)


@pytest.fixture
def data_folder() -> Path:
    from tests.pytest_environment import FOLDER

    return FOLDER
