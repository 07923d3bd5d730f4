"""Append audit entries in the transaction of the recorded action, so that neither exists without the other.

    with transaction.atomic():
        tenant.save()
        audit.record(AuditAction.TENANT_CREATED, tenant)

Entries are appended one at a time: PostgreSQL holds an advisory lock until the transaction ends, SQLite has one writer.
So call `record` last in the transaction, so that other writers do not wait for the rest of it.
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

from alertadmin.audit import actor, fields
from alertadmin.audit.actions import AuditAction, Result
from alertadmin.audit.hash_chain import BEGINNING, Head, digest_of
from alertadmin.audit.models import AuditEntry
from alertadmin.audit.target import AuditTarget
from alertadmin.audit.throttle_counter import Limit

LOCK = 0x616C657274_6175
"""Key of PostgreSQL's advisory lock for appending."""


REFUSALS_OF_OBJECT = Limit("refusals about one thing", 20, timedelta(hours=1))
REFUSALS_OF_USER = Limit("refusals of a person", 10, timedelta(hours=1))
ANONYMOUS_REFUSALS = Limit("refusals of strangers", 60, timedelta(hours=1))
"""Entries of refusals: per action and object, per action, user and view, and per action for anonymous requests."""

recorded = Signal()
"""Sent with `entry`, and `on` as given to `record`, in the same transaction. For consequences of an action wherever
it happens, such as a mail to the affected user."""


class OutsideTransaction(RuntimeError):
    """The action and its entry could be separated: wrap both in a transaction."""


class NotARefusal(ValueError):
    """`record_refusal` is for refused and failed actions; a completed one is recorded in its own transaction."""


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
    """Append an entry. `tenant` defaults to that of `on`; `by` is the acting user, if it is not the current actor's.

    `details` are those allowed by `audit.fields`. Raises OutsideTransaction; ValueError for an unknown action or
    detail; and database errors, which roll the action back.
    """
    if not connection.in_atomic_block:
        raise OutsideTransaction(f"{act} is to be recorded in the transaction of the act.")
    acting = actor.current()
    person: Any = by or acting.person
    subject = on if isinstance(on, AuditTarget) else AuditTarget.of(on)
    content = {
        "who": fields.text(person.email if person else acting.kind, 254),
        "person_id": person.pk if person else None,
        "address": acting.address,
        "request": acting.request,
        "act": AuditAction(act).value,
        "result": Result(result).value,
        "kind": subject.kind,
        "object_id": subject.object_id,
        "label": subject.label,
        "tenant": tenant.pk if isinstance(tenant, models.Model) else tenant or subject.tenant,
        "details": fields.validate_details(details),
    }
    _lock_append()
    last = head()
    content |= {"number": last.number + 1, "at": now or timezone.now(), "previous": last.digest}
    entry = AuditEntry(**content, digest=digest_of(content))
    entry.save()
    recorded.send(sender=AuditEntry, entry=entry, on=on)
    return entry


def record_refusal(
    act: AuditAction | str, on: models.Model | AuditTarget | None = None, *, result: Result | str, **more: Any
) -> AuditEntry | None:
    """Record a refused or failed action. It has no transaction of its own, so this opens one. Do not call it within a
    transaction that will be rolled back.

    Repeated refusals are limited: beyond the limit in an hour no entry is written (returns None), and the next entry
    has the number left out.
    """
    if Result(result) == Result.DONE:
        raise NotARefusal(f"{act} was done: record it in its transaction.")
    with transaction.atomic():
        left_out = _left_out(AuditAction(act), on, str(more.get("path", "")), more.get("now") or timezone.now())
        if left_out is None:
            return None
        if left_out:
            more["left_out"] = left_out
        return record(act, on, result=result, **more)


def _left_out(act: AuditAction, on: models.Model | AuditTarget | None, page: str, now: datetime) -> int | None:
    """Number of entries left out since the last one; None if this one is left out too. Values from the request do not
    select a counter: an anonymous client could invent new ones."""
    person = actor.current().person
    who = f"{act} {person.pk}" if person else str(act)
    if isinstance(on, models.Model):
        return REFUSALS_OF_OBJECT.sample(f"{who} {on._meta.label} {on.pk}", now)
    return REFUSALS_OF_USER.sample(f"{who} {page}", now) if person else ANONYMOUS_REFUSALS.sample(who, now)


@contextmanager
def record_save(created: AuditAction, changed: AuditAction, on: models.Model, **more: Any) -> Iterator[dict[str, Any]]:
    """Save a row, new or not, in a transaction with the fitting entry. Yields a dict like `record_change`."""
    if on._state.adding:
        with transaction.atomic():
            yield more
            record(created, on, **more)
    else:
        with record_change(changed, on, **more) as details:
            yield details


@contextmanager
def record_change(act: AuditAction | str, on: models.Model, **more: Any) -> Iterator[dict[str, Any]]:
    """Change a row in a transaction with an entry of the changed fields. Keys added to the yielded dict become
    details."""
    with transaction.atomic():
        before = fields.stored_values(on)
        yield more
        changes = fields.differences(on.__class__, before, fields.stored_values(on))
        record(act, on, **{"changes": changes, **more})


def head() -> Head:
    """Head of the trail; BEGINNING if it is empty."""
    last = AuditEntry.objects.order_by("-number").values_list("number", "digest").first()
    return Head(*last) if last else BEGINNING


def _lock_append() -> None:
    """Serialise appends on PostgreSQL. On SQLite the transaction is the only writer already."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
