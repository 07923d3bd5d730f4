"""Whether every sealed value reads: after a restore, and whenever somebody wants to know."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from alertadmin.crypto.fields import EncryptedValue, Tampered, WrongDestination, encrypted_fields
from alertadmin.crypto.keyring import Unreadable


@dataclass
class Reading:
    secrets: int = 0
    read: int = 0
    spoiled: int = 0
    """Altered or moved."""
    elsewhere: int = 0
    """Sealed for another destination than their rows lead to: the clouds file is missing here, or is another."""
    missing: Counter[str] = field(default_factory=Counter)
    """Sealed with keys that are not at hand, by the key's id."""

    @property
    def is_whole(self) -> bool:
        return self.read == self.secrets


def read_all() -> Reading:
    """Opens every sealed value once, and keeps none."""
    reading = Reading()
    for model, name in encrypted_fields():
        for row in model._default_manager.filter(**{f"{name}__isnull": False}).select_related().iterator(500):
            sealed: EncryptedValue = getattr(row, name)
            reading.secrets += 1
            try:
                sealed.decrypt()
            except WrongDestination:
                reading.elsewhere += 1
            except Tampered:
                reading.spoiled += 1
            except Unreadable:
                reading.missing[sealed.key_id] += 1
            else:
                reading.read += 1
    return reading
