"""`verify` finds the first place at which a database client with the owner's rights altered the trail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from alertadmin import audit
from alertadmin.accounts.models import User
from alertadmin.audit import AuditAction, AuditEntry
from alertadmin.audit.actor import Actor, acting_as
from alertadmin.audit.hash_chain import FIELDS, Head, digest_of
from alertadmin.audit.verification import Break, verify
from tests.audit import tamper
from tests.conftest import NOW
from tests.factories import Rows

pytestmark = pytest.mark.control(60)

COUNT = 7
NUMBERS = st.integers(1, COUNT)
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "at": st.timedeltas(timedelta(days=-999), timedelta(days=999)).map(lambda apart: NOW + apart),
    "person_id": st.none() | st.integers(1, 2**40),
    "tenant": st.none() | st.uuids(),
    "details": st.dictionaries(TEXTS, TEXTS | st.integers(-(2**50), 2**50) | st.booleans() | st.none(), max_size=3),
    "previous": st.text("0123456789abcdef", min_size=64, max_size=64),
    "digest": st.text("0123456789abcdef", min_size=64, max_size=64),
}
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def trail(rows: Rows, administrator: User) -> list[AuditEntry]:
    tenant = rows.tenant()
    with acting_as(Actor(address="192.0.2.7", request="4711", get_person=lambda: administrator)):
        for number in range(COUNT):
            audit.record(AuditAction.TENANT_CHANGED, tenant, now=NOW + timedelta(seconds=number), count=number)
    return list(AuditEntry.objects.order_by("number"))


@contextmanager
def tampered() -> Iterator[None]:
    """What is done within is undone after."""
    with transaction.atomic():
        with tamper.without_triggers():
            yield
        transaction.set_rollback(True)


def test_an_untouched_one_is_whole(trail: list[AuditEntry]) -> None:
    found = verify([Head(3, trail[2].digest), Head(COUNT, trail[-1].digest)])
    assert (found.ok, found.first, found.count, found.head) == (True, 1, COUNT, Head(COUNT, trail[-1].digest))


@quick
@given(data=st.data(), number=NUMBERS, column=st.sampled_from([*FIELDS[1:], "digest"]))
def test_an_altered_one_is_named(trail: list[AuditEntry], data: st.DataObject, number: int, column: str) -> None:
    value = data.draw(VALUES.get(column, TEXTS))
    if isinstance(value, str):
        value = value[: AuditEntry._meta.get_field(column).max_length]  # type: ignore[union-attr]
    assume(value != getattr(trail[number - 1], column))
    with tampered():
        tamper.alter(number, column, json.dumps(value) if column == "details" else adapted(column, value))
        found = verify()
    assert found.at == number
    assert found.broken is not None


def adapted(column: str, value: Any) -> Any:
    field = AuditEntry._meta.get_field(column)
    return field.get_db_prep_save(value, connection)  # type: ignore[union-attr]


@quick
@given(number=st.integers(1, COUNT - 1), closed=st.booleans())
def test_a_removed_one_is_missed(trail: list[AuditEntry], number: int, closed: bool) -> None:
    """Whether the others stay at their numbers or close the gap. (The last one: see the next test but one.)"""
    with tampered():
        tamper.remove(number)
        for later in range(number + 1, COUNT + 1 if closed else 0):
            tamper.renumber(later, later - 1)
        found = verify()
    assert found.broken == Break.REMOVED
    assert found.at == (number if closed else number + 1)


@quick
@given(one=NUMBERS, other=NUMBERS)
def test_swapped_ones_are_named(trail: list[AuditEntry], one: int, other: int) -> None:
    assume(one < other)
    with tampered():
        tamper.swap(one, other)
        found = verify()
    assert (found.broken, found.at) == (Break.SWAPPED, one)


@quick
@given(number=st.integers(1, COUNT + 1), is_copy=st.booleans(), follows=st.booleans())
def test_an_inserted_one_is_found(trail: list[AuditEntry], number: int, is_copy: bool, follows: bool) -> None:
    """A made-up one, with the digest that its content has, or a copy; one that follows the entry before is betrayed
    by the one after. (At the end, what follows is an entry like any other: only a head noted elsewhere tells.)"""
    content = {name: getattr(trail[0], name) for name in (*FIELDS, "digest")}
    if not is_copy:
        content |= {"who": "mallory@x.example", "number": number}
        content["previous"] = trail[number - 2].digest if follows and number > 1 else "0" * 64
        content["digest"] = digest_of(content)
    assume(not (number == COUNT + 1 and not is_copy and follows))
    stored = {name: adapted(name, value) for name, value in content.items()}
    with tampered():
        tamper.insert({**stored, "number": number}, COUNT)
        found = verify()
    assert found.broken in (Break.INSERTED, Break.ALTERED)
    assert number <= found.at <= max(2, number + 1)


def test_a_tail_that_was_cut_off_is_missed_by_who_noted_a_head(trail: list[AuditEntry]) -> None:
    with tampered():
        for number in (6, 7):
            tamper.remove(number)
        assert verify().ok
        found = verify([Head(COUNT, trail[-1].digest)])
    assert (found.broken, found.at) == (Break.CUT, 6)


def test_all_of_it_written_anew_is_seen_by_who_noted_a_head(trail: list[AuditEntry]) -> None:
    previous = trail[3].previous
    with tampered():
        for entry in trail[3:]:
            content = {**vars(entry), "who": "mallory@x.example", "previous": previous}
            previous = digest_of(content)
            for name, value in (("who", content["who"]), ("previous", content["previous"]), ("digest", previous)):
                tamper.alter(entry.number, name, value)
        assert verify().ok
        found = verify([Head(5, trail[4].digest)])
    assert (found.broken, found.at) == (Break.REPLACED, 5)


@pytest.mark.parametrize("column", ["at", "tenant", "details", "person_id"])
def test_what_no_entry_can_hold_is_named_too(trail: list[AuditEntry], column: str) -> None:
    """SQLite keeps any text in any column; PostgreSQL refuses most of it by itself."""
    if connection.vendor == "sqlite":
        with tampered():
            tamper.run("PRAGMA ignore_check_constraints = ON")
            tamper.alter(3, column, "{")
            tamper.run("PRAGMA ignore_check_constraints = OFF")
            found = verify()
        assert (found.broken, found.at) == (Break.ALTERED, 3)
    else:
        with tampered():
            tamper.alter(3, "details", "[1]")
            found = verify()
        assert (found.broken, found.at) == (Break.ALTERED, 3)
