"""The amounts of rows and repeats: full, or for a quick look."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    repeats: int = 7
    """Repeats of what takes less than some seconds; longer work is repeated less."""
    few_repeats: int = 3
    sizes: tuple[int, ...] = (1_000, 10_000, 100_000)
    """Numbers of secrets in a database, ascending."""
    owed: int = 10_000
    """Secrets that expire on one day."""
    deliveries: int = 500
    consents: int = 400
    very_many_consents: int = 10_000
    rotated: int = 10_000
    imported: int = 10_000
    imported_by_command: int = 100_000
    opened: int = 20_000
    """Secrets decrypted in one sample."""


FULL = Effort()
QUICK = Effort(
    repeats=3,
    few_repeats=1,
    sizes=(1_000, 3_000, 10_000),
    owed=2_000,
    deliveries=100,
    consents=80,
    very_many_consents=400,
    rotated=2_000,
    imported=2_000,
    imported_by_command=5_000,
    opened=5_000,
)
