"""Attachments as stored in a delivery's row, so that a resend is byte-identical."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mailer.message import Attachment


def to_json(attachments: Iterable[Attachment]) -> list[dict[str, Any]]:
    """Convert to JSON values. The contents are UTF-8 text."""
    return [
        {
            "name": one.name,
            "content_type": one.content_type,
            "parameters": dict(one.parameters),
            "text": one.content.decode(),
        }
        for one in attachments
    ]


def from_json(rows: Iterable[dict[str, Any]]) -> tuple[Attachment, ...]:
    """The inverse of `to_json`. Parameters are sorted, since PostgreSQL does not keep the order of JSON keys."""
    return tuple(
        Attachment(row["name"], row["content_type"], row["text"].encode(), tuple(sorted(row["parameters"].items())))
        for row in rows
    )
