"""Re-encrypts stored secrets with the primary key: batch by batch, each row only if nobody changed it meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import models, transaction

from alertadmin.registry import keyring
from alertadmin.registry.encryption import VERSION, Sealed, Tampered, sealed_fields

BATCH = 200


@dataclass
class Rotated:
    done: int = 0
    unreadable: int = 0


def rotate() -> Rotated:
    """Every encrypted field of every model. What cannot be opened is counted and left as it is.

    Raises KeyRingError if there is no usable key file.
    """
    rotated = Rotated()
    current = f"{VERSION}.{keyring.load().primary}."
    for model, name in sealed_fields():
        _rotate(model, name, current, rotated)
    return rotated


def _rotate(model: type[models.Model], name: str, current: str, rotated: Rotated) -> None:
    after = UUID(int=0)
    waiting = model._default_manager.filter(**{f"{name}__isnull": False}).exclude(**{f"{name}__startswith": current})
    while batch := list(waiting.filter(pk__gt=after).order_by("pk").only("pk", name)[:BATCH]):
        after = batch[-1].pk
        with transaction.atomic():
            for row in batch:
                _reseal(row, name, rotated)


def _reseal(row: models.Model, name: str, rotated: Rotated) -> None:
    sealed: Sealed = getattr(row, name)
    try:
        fresh = sealed.resealed()
    except (keyring.KeyMissing, Tampered):
        rotated.unreadable += 1
        return
    # Only if it still holds what was read: a secret replaced meanwhile is sealed with the new key already.
    same = type(row)._default_manager.filter(pk=row.pk, **{f"{name}__startswith": sealed.token})
    rotated.done += same.update(**{name: fresh})
