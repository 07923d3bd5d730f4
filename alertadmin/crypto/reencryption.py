"""Re-encrypts stored secrets: with the primary key, or bound to their destinations. Batch by batch, each row only if it
was not changed meanwhile; killed at any moment nothing is lost, and the next run goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.db import models, transaction

from alertadmin import audit
from alertadmin.crypto import keyring
from alertadmin.crypto.fields import (
    BOUND_VERSION,
    VERSION,
    EncryptedValue,
    Tampered,
    encrypted_fields,
    model_of,
    version_of,
)
from alertadmin.operator_log import Event, log_event
from alertadmin.registry import destinations

BATCH = 200


@dataclass(frozen=True)
class ReencryptionResult:
    """How many secrets were sealed anew, and how many could not be opened."""

    done: int = 0
    unreadable: int = 0

    def __add__(self, other: ReencryptionResult) -> ReencryptionResult:
        return ReencryptionResult(self.done + other.done, self.unreadable + other.unreadable)


def rotate() -> ReencryptionResult:
    """Every encrypted field of every model. What cannot be opened is counted and left as it is.

    Killed at any moment it loses nothing: run again, it goes on. A writer who read the old ring may store a moment
    later: only a run that finds none says that the old keys are idle. Raises KeyringError without a usable key file.
    """
    primary = keyring.load().primary
    rotated = ReencryptionResult()
    for model, name in encrypted_fields():
        current = {f"{name}__startswith": f"{version_of(model, name)}.{primary}."}
        rotated += _each(model._default_manager.exclude(**current).only("pk", name), name, EncryptedValue.reencrypt)
    if rotated.done:
        with transaction.atomic():
            audit.record(audit.AuditAction.KEY_ROTATED, key=primary, count=rotated.done)
    log_event(Event.KEYS_ROTATED, key=primary, rotated=rotated.done, unreadable=rotated.unreadable)
    return rotated


def bind_all() -> ReencryptionResult:
    """Binds to their destinations, as they are now, the secrets that an earlier release sealed without one.

    Raises KeyringError without a usable key file.
    """
    bound = ReencryptionResult()
    for model, name in encrypted_fields():
        if version_of(model, name) == BOUND_VERSION:
            old = {f"{name}__startswith": f"{VERSION}."}
            bound += _each(model._default_manager.filter(**old).select_related(), name, EncryptedValue.reencrypt)
    if bound.done:
        with transaction.atomic():
            audit.record(audit.AuditAction.SECRETS_BOUND, count=bound.done)
    return bound


def bind(sealed: EncryptedValue) -> None:
    """The same for one, that was just opened."""
    label, name, key = sealed.row
    stored = model_of(label)._default_manager.filter(pk=key, **{name: sealed})
    stored.update(**{name: sealed.reencrypt()})


def rebind_destination(slug: str, former: str) -> ReencryptionResult:
    """The operator gave a cloud's authority, or a server's EWS service, another URL than `former`: what was sealed for
    that place, and for nothing else that differs, is sealed for the new one. Raises KeyringError."""
    moved = ReencryptionResult()
    for model, name in encrypted_fields():
        if version_of(model, name) == BOUND_VERSION:
            rows = model._default_manager.select_related()
            moved += _each(rows, name, lambda sealed: _moved(sealed, slug, former))
    if moved.done:
        with transaction.atomic():
            audit.record(audit.AuditAction.SECRETS_BOUND, count=moved.done, place=slug)
    return moved


def _moved(sealed: EncryptedValue, slug: str, former: str) -> EncryptedValue | None:
    assert sealed.destination is not None  # noqa: S101 (a bound field's)
    now = sealed.destination()
    then = destinations.with_former_url(now, slug, former)
    return sealed.moved_from(then) if then != now else None


def _each(
    waiting: models.QuerySet[models.Model], name: str, reseal: Callable[[EncryptedValue], EncryptedValue | None]
) -> ReencryptionResult:
    """`reseal` returns None for what stays as it is, and raises Unreadable."""
    rotated, after = ReencryptionResult(), UUID(int=0)
    waiting = waiting.filter(**{f"{name}__isnull": False}).order_by("pk")
    while batch := list(waiting.filter(pk__gt=after)[:BATCH]):
        after = batch[-1].pk
        with transaction.atomic():
            for row in batch:
                rotated += _reseal(row, name, reseal)
    return rotated


def _reseal(
    row: models.Model, name: str, reseal: Callable[[EncryptedValue], EncryptedValue | None]
) -> ReencryptionResult:
    sealed: EncryptedValue = getattr(row, name)
    try:
        fresh = reseal(sealed)
    except (keyring.KeyMissing, Tampered):
        return ReencryptionResult(unreadable=1)
    if fresh is None:
        return ReencryptionResult()
    # Only if it still holds what was read: a secret replaced meanwhile is sealed with the new key already.
    same = type(row)._default_manager.filter(pk=row.pk, **{name: sealed})
    return ReencryptionResult(done=same.update(**{name: fresh}))
