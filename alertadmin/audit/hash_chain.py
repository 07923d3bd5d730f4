"""How an entry holds on to the one before it. Pure: what is in an entry decides its digest, and nothing else.

An entry's digest is the SHA-256 of its content and of the digest before it. It takes no key, so that an auditor can
verify an export without this installation. Whoever may write to the database could therefore compute a whole new
chain: that is seen by heads kept elsewhere (`verify_audit --expect`).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

GENESIS = "0" * 64
"""Stands before the first entry."""
VERSION = 1
"""Of the encoding; part of what is digested."""
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
"""What is digested, in this order: all of an entry but the digest."""


@dataclass(frozen=True)
class Head:
    """The last entry there is, or where the first one goes."""

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
    """One way of writing each content: a JSON list, without spaces, keys sorted, ASCII, times in UTC."""
    values = [VERSION, *(_plain(content[name]) for name in FIELDS)]
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode("ascii")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value if value is None or isinstance(value, int | str | dict) else str(value)


def digest_of(content: dict[str, Any]) -> str:
    """`content` has at least FIELDS."""
    return hashlib.sha256(canonical(content)).hexdigest()
