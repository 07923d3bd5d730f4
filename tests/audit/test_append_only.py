"""No entry can be changed or deleted, neither by this program nor by another database client."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, transaction

from alertadmin import audit
from alertadmin.audit import AppendOnly, AuditAction, AuditEntry
from alertadmin.audit.retention import prune
from alertadmin.audit.triggers import TABLE
from alertadmin.audit.verification import Break, verify
from tests.audit import tamper
from tests.audit.tamper import run

pytestmark = pytest.mark.control(60)

YEAR = timedelta(days=365)


@pytest.fixture
def entry(db: None) -> AuditEntry:
    return audit.record(AuditAction.RECORDS_PRUNED, count=1)


WAYS: dict[str, Callable[[AuditEntry], object]] = {
    "save": lambda entry: entry.save(),
    "save of some": lambda entry: entry.save(update_fields=["who"]),
    "delete": lambda entry: entry.delete(),
    "update of many": lambda entry: AuditEntry.objects.update(who="x"),
    "delete of many": lambda entry: AuditEntry.objects.all().delete(),
    "bulk_update": lambda entry: AuditEntry.objects.bulk_update([entry], ["who"]),
    "bulk_create": lambda entry: AuditEntry.objects.bulk_create([entry]),
    "update_or_create": lambda entry: AuditEntry.objects.update_or_create(number=1, defaults={"who": "x"}),
    "base manager": lambda entry: AuditEntry._base_manager.all().delete(),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_program_has_no_way_to_change_one(entry: AuditEntry, way: str) -> None:
    entry.who = "mallory"
    with pytest.raises((AppendOnly, DatabaseError)), transaction.atomic():
        WAYS[way](entry)
    assert verify().count == 1
    assert verify().ok


STATEMENTS = [
    f"UPDATE {TABLE} SET who = 'mallory'",
    f"UPDATE {TABLE} SET number = number + 1",
    f"DELETE FROM {TABLE}",
]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_the_database_refuses_it_too(entry: AuditEntry, statement: str) -> None:
    with pytest.raises(DatabaseError, match="audit trail"), transaction.atomic():
        run(statement)
    assert verify().count == 1


def test_an_entry_of_pruning_takes_nothing_fresh_away(entry: AuditEntry) -> None:
    """A forged entry that retention went further than it did cannot hide recent entries."""
    audit.record(AuditAction.AUDIT_PRUNED, through=entry.number, digest=entry.digest)
    with pytest.raises(DatabaseError, match="audit trail"), transaction.atomic():
        run(f"DELETE FROM {TABLE} WHERE number = 1")


def test_nothing_old_goes_without_an_entry_that_says_so(db: None) -> None:
    audit.record(AuditAction.RECORDS_PRUNED, now=datetime.now(UTC) - 2 * YEAR)
    with pytest.raises(DatabaseError, match="audit trail"), transaction.atomic():
        run(f"DELETE FROM {TABLE}")


def entries_of(*ages: int) -> None:
    """One of so many days ago, each."""
    for days in ages:
        audit.record(AuditAction.RECORDS_PRUNED, now=datetime.now(UTC) - timedelta(days=days))


def test_retention_takes_the_old_ones_and_says_so_and_the_rest_is_verified_still(db: None) -> None:
    entries_of(900, 800, 700, 10)
    last = AuditEntry.objects.get(number=2)
    assert prune(2 * YEAR, datetime.now(UTC)) == 2
    assert list(AuditEntry.objects.order_by("number").values_list("number", flat=True)) == [3, 4, 5]
    said = AuditEntry.objects.get(number=5)
    assert said.act == AuditAction.AUDIT_PRUNED
    assert said.details == {"through": 2, "digest": last.digest, "count": 2}
    found = verify()
    assert (found.ok, found.first, found.count) == (True, 3, 3)
    assert prune(2 * YEAR, datetime.now(UTC)) == 0
    assert prune(YEAR, datetime.now(UTC)) == 1
    assert verify().ok


def test_an_old_one_behind_a_young_one_stays(db: None) -> None:
    """The trail has no gap, at any reading of the clock."""
    entries_of(900, 5, 800)
    assert prune(2 * YEAR, datetime.now(UTC)) == 1
    assert (verify().ok, verify().first) == (True, 2)


def test_the_first_ones_taken_away_by_another_way_are_missed(db: None) -> None:
    entries_of(900, 800, 10)
    with tamper.without_triggers():
        tamper.remove(1)
    assert (verify().broken, verify().at) == (Break.REMOVED, 2)


def test_the_first_ones_are_missed_even_if_something_was_pruned_before(db: None) -> None:
    entries_of(900, 800, 10)
    prune(850 * timedelta(days=1), datetime.now(UTC))
    with tamper.without_triggers():
        tamper.remove(2)
    assert (verify().broken, verify().at) == (Break.REMOVED, 3)
