"""Composers by purpose. The content of a delivery is composed as late as possible: when its first attempt begins.

Other apps register how to compose their deliveries; the outbox does not import the reminders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from alertadmin.outbox import messages
from alertadmin.outbox.models import Delivery, Purpose
from alertadmin.stored_values import known
from mailer.message import Attachment

UNKNOWN_PURPOSE_WAIT = timedelta(days=1)


@dataclass(frozen=True)
class Content:
    """`brief` is the text for channels, which prefer few words; `details` the same for programs: a JSON object for each
    item. `language` is that of the text."""

    subject: str
    text: str
    html: str = ""
    brief: str = ""
    details: list[dict[str, Any]] = field(default_factory=list)
    language: str = ""
    attachments: tuple[Attachment, ...] = ()
    """UTF-8 text files, such as a calendar."""


@dataclass(frozen=True)
class Obsolete:
    """The message is no longer needed: its subject was renewed, deleted or superseded."""

    reason: str


@dataclass(frozen=True)
class Deferred:
    """The message may not be sent before `until`."""

    until: datetime
    reason: str


Composer = Callable[[Delivery, datetime], Content | Deferred | Obsolete]
Filler = Callable[[Delivery, str], str]
"""Inserts, when a mail is sent, what must not be stored."""
Owner = Callable[[Delivery], UUID | None]
"""Returns the tenant that a mail belongs to: it is about that tenant alone, and for that tenant's users."""
_composers: dict[str, Composer] = {}
_fillers: dict[str, Filler] = {}
_owners: dict[str, Owner] = {}


def register(purpose: Purpose, composer: Composer, filler: Filler | None = None, owner: Owner | None = None) -> None:
    """Register how to compose a purpose. Without an `owner` its mails belong to the installation."""
    _composers[purpose] = composer
    if filler is not None:
        _fillers[purpose] = filler
    if owner is not None:
        _owners[purpose] = owner


def compose(delivery: Delivery, now: datetime) -> Content | Deferred | Obsolete:
    """A mail of a purpose that this version does not know waits for one that does."""
    if known(Purpose, delivery.purpose) is None:
        return Deferred(now + UNKNOWN_PURPOSE_WAIT, messages.UNKNOWN_PURPOSE)
    return _composers[delivery.purpose](delivery, now)


def owner_of(delivery: Delivery) -> UUID | None:
    """The tenant that the mail belongs to; None: the installation. For a repeated message, the owner at the time when
    its content was fixed."""
    if delivery.repeats_content:
        return None if delivery.belongs_to in ("", Delivery.INSTALLATION) else UUID(delivery.belongs_to)
    find = _owners.get(delivery.purpose)
    return find(delivery) if find is not None and not delivery.uses_channel else None


def fill_placeholders(delivery: Delivery, words: str) -> str:
    filler = _fillers.get(delivery.purpose)
    return filler(delivery, words) if filler else words


def attachments_to_json(attachments: Iterable[Attachment]) -> list[dict[str, Any]]:
    """Convert to the JSON values of a delivery's row, so that a resend is byte-identical. The contents are UTF-8
    text."""
    return [
        {
            "name": one.name,
            "content_type": one.content_type,
            "parameters": dict(one.parameters),
            "text": one.content.decode(),
        }
        for one in attachments
    ]


def attachments_from_json(rows: Iterable[dict[str, Any]]) -> tuple[Attachment, ...]:
    """The inverse of `attachments_to_json`. Parameters are sorted, since PostgreSQL does not keep the order of JSON
    keys."""
    return tuple(
        Attachment(row["name"], row["content_type"], row["text"].encode(), tuple(sorted(row["parameters"].items())))
        for row in rows
    )
