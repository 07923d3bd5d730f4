"""14: entries replaced despite the triggers, and dropped triggers. Both are refused, or detected and restored."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from alertadmin import audit
from alertadmin.audit import AuditAction, AuditEntry, trigger_check, triggers
from alertadmin.audit.triggers import SQLITE, TABLE, TriggerFinding, TriggerProblem
from alertadmin.audit.verification import verify
from tests.audit.tamper import drop_triggers, run

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql, pytest.mark.control(60)]

COLUMNS = [str(field.column) for field in AuditEntry._meta.concrete_fields]
FORGED = ", ".join("'mallory'" if column == "who" else column for column in COLUMNS)
LIST = ", ".join(COLUMNS)
UPSERT = f"INSERT INTO {TABLE} ({LIST}) SELECT {FORGED} FROM {TABLE} WHERE number = 1"
POSTGRESQL_WAYS = [
    f"{UPSERT} ON CONFLICT (number) DO UPDATE SET who = 'mallory'",
    f"WITH gone AS (DELETE FROM {TABLE} WHERE number = 1 RETURNING *) SELECT count(*) FROM gone",
    f"MERGE INTO {TABLE} t USING (SELECT 1 AS n) s ON t.number = s.n WHEN MATCHED THEN UPDATE SET who = 'mallory'",
    f"MERGE INTO {TABLE} t USING (SELECT 1 AS n) s ON t.number = s.n WHEN MATCHED THEN DELETE",
    f"TRUNCATE {TABLE}",
]
SQLITE_WAYS = [
    UPSERT.replace("INSERT", "INSERT OR REPLACE"),
    UPSERT.replace("INSERT", "REPLACE", 1),
    # Another number at the same rowid: the entry that lies there is in the way too.
    f"REPLACE INTO {TABLE} (rowid, {LIST}) SELECT rowid, {FORGED.replace('number', '99', 1)} FROM {TABLE} "
    "WHERE number = 1",
    f"UPDATE OR REPLACE {TABLE} SET who = 'mallory'",
    f"UPDATE OR REPLACE {TABLE} SET number = 1 WHERE number = 2",
    f"UPDATE {TABLE} SET rowid = rowid + 10",
    f"{UPSERT.replace('number = 1', 'number = 1 AND true')} ON CONFLICT (number) DO UPDATE SET who = 'mallory'",
    f"DELETE FROM {TABLE} WHERE rowid IN (SELECT rowid FROM {TABLE})",
]

GONE = "DROP TRIGGER audit_stays"


@pytest.fixture
def entries(db: None) -> list[AuditEntry]:
    return [audit.record(AuditAction.RECORDS_PRUNED, count=count) for count in (1, 2, 3)]


@pytest.mark.parametrize("way", range(max(len(SQLITE_WAYS), len(POSTGRESQL_WAYS))))
def test_no_statement_replaces_or_removes_an_entry(entries: list[AuditEntry], way: int) -> None:
    ways = POSTGRESQL_WAYS if connection.vendor == "postgresql" else SQLITE_WAYS
    before = list(AuditEntry.objects.order_by("number").values_list())
    with pytest.raises(DatabaseError), transaction.atomic():
        run(ways[way % len(ways)])
    assert list(AuditEntry.objects.order_by("number").values_list()) == before
    assert verify().ok


def test_entries_are_appended_as_before(entries: list[AuditEntry]) -> None:
    assert [entry.number for entry in entries] == [1, 2, 3]
    assert triggers.findings(connection) == []


def tampering(vendor: str) -> dict[str, tuple[list[str], list[TriggerFinding]]]:
    """What was done to the triggers, and what is found."""
    missing, altered = TriggerProblem.MISSING, TriggerProblem.ALTERED
    if vendor == "postgresql":
        return {
            "dropped": ([f"DROP TRIGGER audit_stays ON {TABLE}"], [TriggerFinding("audit_stays", missing)]),
            "off": ([f"ALTER TABLE {TABLE} DISABLE TRIGGER audit_stays"], [TriggerFinding("audit_stays", altered)]),
            "for replicas": (
                [f"ALTER TABLE {TABLE} ENABLE REPLICA TRIGGER audit_stays"],
                [TriggerFinding("audit_stays", altered)],
            ),
            "of one column": (
                [
                    f"CREATE OR REPLACE TRIGGER audit_stays_as_it_is BEFORE UPDATE OF label ON {TABLE} FOR EACH ROW "
                    "EXECUTE FUNCTION alertadmin_audit_stays()"
                ],
                [TriggerFinding("audit_stays_as_it_is", altered)],
            ),
            "on a condition": (
                [
                    f"CREATE OR REPLACE TRIGGER audit_stays BEFORE DELETE ON {TABLE} FOR EACH ROW WHEN (false) "
                    "EXECUTE FUNCTION alertadmin_audit_stays()"
                ],
                [TriggerFinding("audit_stays", altered)],
            ),
            "another function": (
                [
                    "CREATE OR REPLACE FUNCTION alertadmin_audit_stays() RETURNS trigger LANGUAGE plpgsql AS "
                    "$$ BEGIN RETURN OLD; END $$"
                ],
                [TriggerFinding(name, altered) for name in sorted(triggers.POSTGRESQL)],
            ),
        }
    return {
        "dropped": ([GONE], [TriggerFinding("audit_stays", missing)]),
        "altered": (
            [
                GONE,
                f"CREATE TRIGGER audit_stays BEFORE DELETE ON {TABLE} WHEN 0 BEGIN "
                "SELECT RAISE(ABORT, 'This entry of the audit trail stays.'); END",
            ],
            [TriggerFinding("audit_stays", altered)],
        ),
        "on another table": (
            [GONE, "CREATE TRIGGER audit_stays BEFORE DELETE ON accounts_user BEGIN SELECT RAISE(ABORT, 'x'); END"],
            [TriggerFinding("audit_stays", missing)],
        ),
        "in capitals": (
            [GONE, SQLITE["audit_stays"].replace(TABLE, TABLE.upper(), 1)],
            [TriggerFinding("audit_stays", altered)],
        ),
    }


@pytest.mark.parametrize("way", range(6))
def test_a_start_notices_puts_back_and_records(
    entries: list[AuditEntry], way: int, capsys: pytest.CaptureFixture[str]
) -> None:
    ways = list(tampering(connection.vendor).values())
    statements, expected = ways[way % len(ways)]
    for statement in statements:
        run(statement)
    assert triggers.findings(connection) == expected
    with pytest.raises(SystemExit):
        call_command("verify_audit")
    assert expected[0].name in capsys.readouterr().out

    trigger_check.restore(trigger_check.tampered(is_upgrade=False))

    assert triggers.findings(connection) == []
    last = AuditEntry.objects.order_by("number").last()
    assert last is not None
    assert (last.act, last.details) == (
        AuditAction.AUDIT_UNGUARDED,
        {"triggers": {finding.name: finding.problem.value for finding in expected}},
    )
    trigger_check.restore(trigger_check.tampered(is_upgrade=False))
    assert AuditEntry.objects.count() == 4
    assert verify().ok


def test_all_gone_is_noticed_also_before_an_upgrade(entries: list[AuditEntry]) -> None:
    drop_triggers()
    names = {finding.name for finding in trigger_check.tampered(is_upgrade=True)}
    assert names == {"audit_stays", "audit_stays_as_it_is"} | (
        {"audit_is_not_emptied"} if connection.vendor == "postgresql" else set()
    )


def test_a_database_of_an_earlier_version_is_no_tampering(entries: list[AuditEntry]) -> None:
    if connection.vendor == "sqlite":
        run("DROP TRIGGER audit_replaces_nothing")
    found = trigger_check.tampered(is_upgrade=True)
    assert found == []
    trigger_check.restore(found)
    assert triggers.findings(connection) == []
    assert AuditEntry.objects.count() == 3


def test_a_foreign_trigger_that_swallows_entries_is_named(entries: list[AuditEntry], capsys: Any) -> None:
    if connection.vendor == "postgresql":
        run("CREATE FUNCTION mine() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$")
        run(f"CREATE TRIGGER mine BEFORE INSERT ON {TABLE} FOR EACH ROW EXECUTE FUNCTION mine()")
    else:
        run(f"CREATE TRIGGER mine BEFORE INSERT ON {TABLE} BEGIN SELECT RAISE(IGNORE); END")
    assert triggers.findings(connection) == [TriggerFinding("mine", TriggerProblem.UNKNOWN)]
    with pytest.raises(SystemExit):
        call_command("verify_audit")
    assert "trigger mine" in capsys.readouterr().out
