"""The program's PostgreSQL role reads and writes rows, and can change neither tables nor past audit entries."""

from __future__ import annotations

import secrets

import pytest
from django.core.management import call_command
from django.db import ProgrammingError, connection, transaction

from alertadmin import audit
from alertadmin.accounts.models import User
from alertadmin.audit import AuditAction, AuditEntry
from alertadmin.audit.triggers import TABLE
from tests.audit.tamper import run

pytestmark = [pytest.mark.postgresql, pytest.mark.control(60, 63)]
REFUSED = [
    f"UPDATE {TABLE} SET who = 'x'",
    f"DELETE FROM {TABLE}",
    f"TRUNCATE {TABLE}",
    f"ALTER TABLE {TABLE} DISABLE TRIGGER ALL",
    f"DROP TRIGGER audit_stays ON {TABLE}",
    "CREATE TABLE mine (id int)",
    "ALTER TABLE accounts_user ADD COLUMN mine int",
    "DROP TABLE accounts_tries",
    "CREATE OR REPLACE FUNCTION alertadmin_audit_stays() RETURNS trigger LANGUAGE sql AS $$ SELECT 1 $$",
]


def test_it_works_with_rows_and_changes_neither_tables_nor_the_record(
    db: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of the whole cluster, so the role goes with the test's transaction."""
    role = f"app_{secrets.token_hex(4)}"
    if connection.vendor == "sqlite":
        with pytest.raises(SystemExit):
            call_command("database_roles", role)
        assert "Only PostgreSQL has roles" in capsys.readouterr().err
        return
    with pytest.raises(SystemExit):
        call_command("database_roles", role, "--apply")
    assert f"There is no role {role}" in capsys.readouterr().err
    run(f"CREATE ROLE {role}")
    call_command("database_roles", role, "--apply")
    run(f"SET LOCAL ROLE {role}")

    user = User.objects.create(email="a@x.example")
    audit.record(AuditAction.PERSON_CREATED, user)
    User.objects.filter(pk=user.pk).update(name="A")
    user.delete()
    assert AuditEntry.objects.count() == 1

    for statement in REFUSED:
        with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"), transaction.atomic():
            run(statement)
    run("RESET ROLE")


def test_a_name_that_would_need_quoting_is_refused(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("database_roles", "x; DROP TABLE accounts_user")
    said = capsys.readouterr().err
    assert ("A role's name" if connection.vendor == "postgresql" else "Only PostgreSQL") in said
