"""Re-encrypts stored secrets with the primary key: batch by batch, each row only if nobody changed it meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from alertadmin.registry import keyring
from alertadmin.registry.encryption import VERSION, Tampered
from alertadmin.registry.models import Credential

BATCH = 200


@dataclass
class Rotated:
    done: int = 0
    unreadable: int = 0


def rotate() -> Rotated:
    """Raises KeyRingError if there is no usable key file. What cannot be opened is counted and left as it is."""
    rotated = Rotated()
    current = f"{VERSION}.{keyring.load().primary}."
    after = UUID(int=0)
    while batch := list(
        Credential.objects.filter(pk__gt=after, value__isnull=False)
        .exclude(value__startswith=current)
        .order_by("pk")
        .only("pk", "value")[:BATCH]
    ):
        after = batch[-1].pk
        with transaction.atomic():
            for credential in batch:
                _reseal(credential, rotated)
    return rotated


def _reseal(credential: Credential, rotated: Rotated) -> None:
    sealed = credential.value
    if sealed is None:
        return
    try:
        fresh = sealed.resealed()
    except (keyring.KeyMissing, Tampered):
        rotated.unreadable += 1
        return
    # Only if it still holds what was read: a secret replaced meanwhile is sealed with the new key already.
    rotated.done += Credential.objects.filter(pk=credential.pk, value__startswith=sealed.token).update(value=fresh)
