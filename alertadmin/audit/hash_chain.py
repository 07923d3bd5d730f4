"""Hash chain of the audit trail. No I/O: an entry's digest depends on its content only.

The digest is the SHA-256 of the content and the previous digest. It uses no key, so that an auditor can verify an
export without this installation. An attacker with write access to the database can therefore compute a new chain;
heads kept elsewhere detect that (`verify_audit --expect`).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

GENESIS = "0" * 64
"""The previous digest of the first entry."""
VERSION = 1
"""Version of the encoding; included in the digest."""
FIELDS = (
    "number",
    "at",
    "who",
    "person_id",
    "address",
    "request",
    "act",
    "result",
    "kind",
    "object_id",
    "label",
    "tenant",
    "details",
    "previous",
)
"""Digested fields, in this order: all of an entry but the digest."""


@dataclass(frozen=True)
class Head:
    """Number and digest of the last entry, or of GENESIS."""

    number: int
    digest: str

    def __str__(self) -> str:
        return f"{self.number}:{self.digest}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """Raises ValueError."""
        number, _colon, digest = text.strip().partition(":")
        if not (number.isascii() and number.isdigit()) or len(digest) != 64 or set(digest) - set("0123456789abcdef"):
            raise ValueError(text)
        return cls(int(number), digest)


BEGINNING = Head(0, GENESIS)


def canonical(content: dict[str, Any]) -> bytes:
    """The canonical encoding: a JSON list without spaces, keys sorted, ASCII, times in UTC."""
    values = [VERSION, *(_plain(content[name]) for name in FIELDS)]
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode("ascii")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value if value is None or isinstance(value, int | str | dict) else str(value)


def digest_of(content: dict[str, Any]) -> str:
    """`content` must have all FIELDS."""
    return hashlib.sha256(canonical(content)).hexdigest()
