"""Re-encrypt stored secrets with the primary key, or bind them to their destinations. In batches; each row is updated
only if it is unchanged. An interrupted run loses nothing, and the next one continues."""

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
    Destination,
    EncryptedValue,
    Tampered,
    encrypted_fields,
    model_of,
    version_of,
)
from alertadmin.operator_log import Event, log_event

BATCH = 200


@dataclass(frozen=True)
class ReencryptionResult:
    """Number of secrets encrypted again, and of those that could not be decrypted."""

    done: int = 0
    unreadable: int = 0

    def __add__(self, other: ReencryptionResult) -> ReencryptionResult:
        return ReencryptionResult(self.done + other.done, self.unreadable + other.unreadable)


def rotate() -> ReencryptionResult:
    """Re-encrypt every encrypted field of every model. Unreadable values are counted and left unchanged.

    A process that loaded the old keyring may store a secret a moment later: the old keys are unused only once a run
    finds nothing to do. Raises KeyringError without a usable key file.
    """
    primary = keyring.load().primary
    rotated = ReencryptionResult()
    for model, name in encrypted_fields():
        current = {f"{name}__startswith": f"{version_of(model, name)}.{primary}."}
        rotated += _reencrypt_rows(
            model._default_manager.exclude(**current).only("pk", name), name, EncryptedValue.reencrypt
        )
    if rotated.done:
        with transaction.atomic():
            audit.record(audit.AuditAction.KEY_ROTATED, key=primary, count=rotated.done)
    log_event(Event.KEYS_ROTATED, key=primary, rotated=rotated.done, unreadable=rotated.unreadable)
    return rotated


def bind_all() -> ReencryptionResult:
    """Bind unbound secrets of an earlier release to their current destinations.

    Raises KeyringError without a usable key file.
    """
    bound = ReencryptionResult()
    for model, name in encrypted_fields():
        if version_of(model, name) == BOUND_VERSION:
            old = {f"{name}__startswith": f"{VERSION}."}
            bound += _reencrypt_rows(
                model._default_manager.filter(**old).select_related(), name, EncryptedValue.reencrypt
            )
    if bound.done:
        with transaction.atomic():
            audit.record(audit.AuditAction.SECRETS_BOUND, count=bound.done)
    return bound


def bind(encrypted: EncryptedValue) -> None:
    """Bind one secret that was just decrypted."""
    label, name, key = encrypted.row
    stored = model_of(label)._default_manager.filter(pk=key, **{name: encrypted})
    stored.update(**{name: encrypted.reencrypt()})


def rebind_destination(slug: str, former: Callable[[Destination], Destination]) -> ReencryptionResult:
    """Re-encrypt secrets after the operator changed the URL of a cloud or server. `former` gives the destination
    before the change; secrets encrypted for it are encrypted for the new one. Raises KeyringError."""
    moved = ReencryptionResult()
    for model, name in encrypted_fields():
        if version_of(model, name) == BOUND_VERSION:
            rows = model._default_manager.select_related()
            moved += _reencrypt_rows(rows, name, lambda encrypted: _moved(encrypted, former))
    if moved.done:
        with transaction.atomic():
            audit.record(audit.AuditAction.SECRETS_BOUND, count=moved.done, place=slug)
    return moved


def _moved(encrypted: EncryptedValue, former: Callable[[Destination], Destination]) -> EncryptedValue | None:
    assert encrypted.destination is not None  # noqa: S101 (the field has a destination)
    now = encrypted.destination()
    then = former(now)
    return encrypted.moved_from(then) if then != now else None


def _reencrypt_rows(
    waiting: models.QuerySet[models.Model], name: str, reencrypt: Callable[[EncryptedValue], EncryptedValue | None]
) -> ReencryptionResult:
    """`reencrypt` returns None for a value that stays unchanged, and raises Unreadable."""
    rotated, after = ReencryptionResult(), UUID(int=0)
    waiting = waiting.filter(**{f"{name}__isnull": False}).order_by("pk")
    while batch := list(waiting.filter(pk__gt=after)[:BATCH]):
        after = batch[-1].pk
        with transaction.atomic():
            for row in batch:
                rotated += _reencrypt_row(row, name, reencrypt)
    return rotated


def _reencrypt_row(
    row: models.Model, name: str, reencrypt: Callable[[EncryptedValue], EncryptedValue | None]
) -> ReencryptionResult:
    encrypted: EncryptedValue | None = getattr(row, name)
    if encrypted is None:  # the empty text of another program: not NULL for the query, and no secret
        return ReencryptionResult()
    try:
        fresh = reencrypt(encrypted)
    except (keyring.KeyMissing, Tampered):
        return ReencryptionResult(unreadable=1)
    if fresh is None:
        return ReencryptionResult()
    # A secret replaced since it was read is encrypted with the new key already.
    same = type(row)._default_manager.filter(pk=row.pk, **{name: encrypted})
    return ReencryptionResult(done=same.update(**{name: fresh}))
