"""What is attached to a delivery, as its row keeps it: a resend repeats it to the byte."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mailer.message import Attachment


def to_json(attachments: Iterable[Attachment]) -> list[dict[str, Any]]:
    """As JSON. Their contents are texts in UTF-8."""
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
    """What `stored` made. PostgreSQL keeps an object's members in an order of its own, so they are sorted."""
    return tuple(
        Attachment(row["name"], row["content_type"], row["text"].encode(), tuple(sorted(row["parameters"].items())))
        for row in rows
    )
