"""Re-encrypts stored secrets with the primary key: batch by batch, each row only if nobody changed it meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import models, transaction

from alertadmin.accounts import audit
from alertadmin.operator_log import Event, log_event
from alertadmin.registry import keyring
from alertadmin.registry.encryption import VERSION, Sealed, Tampered, sealed_fields

BATCH = 200


@dataclass(frozen=True)
class Rotated:
    """How many secrets were sealed anew, and how many could not be opened."""

    done: int = 0
    unreadable: int = 0

    def __add__(self, other: Rotated) -> Rotated:
        return Rotated(self.done + other.done, self.unreadable + other.unreadable)


def rotate() -> Rotated:
    """Every encrypted field of every model. What cannot be opened is counted and left as it is.

    Killed at any moment it loses nothing: run again, it goes on. A writer who read the old ring may store a moment
    later: only a run that finds none says that the old keys are idle. Raises KeyRingError without a usable key file.
    """
    primary = keyring.load().primary
    rotated = sum((_rotate(model, name, f"{VERSION}.{primary}.") for model, name in sealed_fields()), Rotated())
    if rotated.done:
        with transaction.atomic():
            audit.record(audit.Act.KEY_ROTATED, key=primary, count=rotated.done)
    log_event(Event.KEYS_ROTATED, key=primary, rotated=rotated.done, unreadable=rotated.unreadable)
    return rotated


def _rotate(model: type[models.Model], name: str, current: str) -> Rotated:
    rotated, after = Rotated(), UUID(int=0)
    waiting = model._default_manager.filter(**{f"{name}__isnull": False}).exclude(**{f"{name}__startswith": current})
    while batch := list(waiting.filter(pk__gt=after).order_by("pk").only("pk", name)[:BATCH]):
        after = batch[-1].pk
        with transaction.atomic():
            for row in batch:
                rotated += _reseal(row, name)
    return rotated


def _reseal(row: models.Model, name: str) -> Rotated:
    sealed: Sealed = getattr(row, name)
    try:
        fresh = sealed.resealed()
    except (keyring.KeyMissing, Tampered):
        return Rotated(unreadable=1)
    # Only if it still holds what was read: a secret replaced meanwhile is sealed with the new key already.
    same = type(row)._default_manager.filter(pk=row.pk, **{name: sealed})
    return Rotated(done=same.update(**{name: fresh}))
