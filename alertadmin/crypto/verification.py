"""Check that every stored secret can be decrypted, for example after a restore."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from alertadmin.crypto.fields import EncryptedValue, Tampered, WrongDestination, encrypted_fields
from alertadmin.crypto.keyring import Unreadable


@dataclass
class ReadabilityReport:
    secrets: int = 0
    read: int = 0
    tampered: int = 0
    """Altered or moved."""
    wrong_destination: int = 0
    """Encrypted for another destination than the row has: the clouds file is missing or differs."""
    missing: Counter[str] = field(default_factory=Counter)
    """Encrypted with missing keys, by key id."""

    @property
    def is_complete(self) -> bool:
        return self.read == self.secrets


def check_readability() -> ReadabilityReport:
    """Decrypt every stored secret once and discard it."""
    reading = ReadabilityReport()
    for model, name in encrypted_fields():
        for row in model._default_manager.filter(**{f"{name}__isnull": False}).select_related().iterator(500):
            encrypted: EncryptedValue = getattr(row, name)
            reading.secrets += 1
            try:
                encrypted.decrypt()
            except WrongDestination:
                reading.wrong_destination += 1
            except Tampered:
                reading.tampered += 1
            except Unreadable:
                reading.missing[encrypted.key_id] += 1
            else:
                reading.read += 1
    return reading
