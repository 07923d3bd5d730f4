"""Writing an entry, in the transaction of the act that it records: no record, no act; no act, no record.

    with transaction.atomic():
        tenant.save()
        audit.record(Act.TENANT_CREATED, tenant)

Appending is one at a time: on PostgreSQL by a lock that lasts until the transaction's end, on SQLite because it has one
writer. So record last, when all else of the act is done: nobody else then waits for what the act itself waits for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, models, transaction
from django.dispatch import Signal
from django.utils import timezone

from alertadmin.audit import actor
from alertadmin.audit import fields as listed
from alertadmin.audit.actions import AuditAction, Result
from alertadmin.audit.hash_chain import BEGINNING, Head, digest_of
from alertadmin.audit.models import AuditEntry
from alertadmin.audit.target import AuditTarget
from alertadmin.audit.throttle_counter import Limit

LOCK = 0x616C657274_6175
"""Of PostgreSQL's advisory locks, the one under which entries are appended."""


OF_ONE_THING = Limit("refusals about one thing", 20, timedelta(hours=1))
OF_A_PERSON = Limit("refusals of a person", 10, timedelta(hours=1))
OF_STRANGERS = Limit("refusals of strangers", 60, timedelta(hours=1))
"""Entries for each act (`record_alone`), and of a person for each page."""

recorded = Signal()
"""Sent with `entry`, and `on` as `record` was given it, in the transaction of the act: what follows from an act
everywhere that it is done, such as a mail to the person whom it is about."""


class OutsideTransaction(RuntimeError):
    """The act and its record could come apart: open a transaction around both."""


class RefusedAlone(ValueError):
    """`record_alone` is for what was refused or failed; what was done is recorded where it is done."""


def record(
    act: AuditAction | str,
    on: models.Model | AuditTarget | None = None,
    *,
    result: Result | str = Result.DONE,
    tenant: models.Model | UUID | None = None,
    by: models.Model | None = None,
    now: datetime | None = None,
    **details: Any,
) -> AuditEntry:
    """Appends an entry. `tenant` is found by `on` if it is not given; `by` is a person other than the one who acts.

    `details` are those of `audit.details`. Raises OutsideTransaction; ValueError for an unknown act or detail; and
    what the database raises, which rolls the act back.
    """
    if not connection.in_atomic_block:
        raise OutsideTransaction(f"{act} is to be recorded in the transaction of the act.")
    acting = actor.current()
    person: Any = by or acting.person
    subject = on if isinstance(on, AuditTarget) else AuditTarget.of(on)
    content = {
        "who": listed.text(person.email if person else acting.kind, 254),
        "person_id": person.pk if person else None,
        "address": acting.address,
        "request": acting.request,
        "act": AuditAction(act).value,
        "result": Result(result).value,
        "kind": subject.kind,
        "object_id": subject.object_id,
        "label": subject.label,
        "tenant": tenant.pk if isinstance(tenant, models.Model) else tenant or subject.tenant,
        "details": listed.checked(details),
    }
    _wait_in_line()
    last = head()
    content |= {"number": last.number + 1, "at": now or timezone.now(), "previous": last.digest}
    entry = AuditEntry(**content, digest=digest_of(content))
    entry.save()
    recorded.send(sender=AuditEntry, entry=entry, on=on)
    return entry


def record_refusal(
    act: AuditAction | str, on: models.Model | AuditTarget | None = None, *, result: Result | str, **more: Any
) -> AuditEntry | None:
    """For what did not happen: a refusal has no act to share a transaction with, so it opens its own. Not to be called
    within one that will be rolled back.

    Who is refused again and again fills no record: beyond so many of a kind within an hour there is no entry, and the
    next one says how many were left out.
    """
    if Result(result) == Result.DONE:
        raise RefusedAlone(f"{act} was done: record it in its transaction.")
    with transaction.atomic():
        left_out = _left_out(AuditAction(act), on, str(more.get("path", "")), more.get("now") or timezone.now())
        if left_out is None:
            return None
        if left_out:
            more["left_out"] = left_out
        return record(act, on, result=result, **more)


def _left_out(act: AuditAction, on: models.Model | AuditTarget | None, page: str, now: datetime) -> int | None:
    """Of entries that were not written; None where this is one more of them. What a request merely names is no kind of
    its own: a stranger could name a new one each time."""
    person = actor.current().person
    who = f"{act} {person.pk}" if person else str(act)
    if isinstance(on, models.Model):
        return OF_ONE_THING.sample(f"{who} {on._meta.label} {on.pk}", now)
    return OF_A_PERSON.sample(f"{who} {page}", now) if person else OF_STRANGERS.sample(who, now)


@contextmanager
def record_save(created: AuditAction, changed: AuditAction, on: models.Model, **more: Any) -> Iterator[dict[str, Any]]:
    """A transaction around saving a row that may be new, with the entry that fits. Yields as `changing` does."""
    if on._state.adding:
        with transaction.atomic():
            yield more
            record(created, on, **more)
    else:
        with record_change(changed, on, **more) as details:
            yield details


@contextmanager
def record_change(act: AuditAction | str, on: models.Model, **more: Any) -> Iterator[dict[str, Any]]:
    """A transaction around changing a row, with an entry that says which fields became what. What is put into the
    yielded dictionary meanwhile is added to the details."""
    with transaction.atomic():
        before = listed.stored(on)
        yield more
        changes = listed.differences(on.__class__, before, listed.stored(on))
        record(act, on, **{"changes": changes, **more})


def head() -> Head:
    """The last entry's, or what stands before the first."""
    last = AuditEntry.objects.order_by("-number").values_list("number", "digest").first()
    return Head(*last) if last else BEGINNING


def _wait_in_line() -> None:
    """On SQLite a transaction that writes began alone; one that so far only read becomes the writer here."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
