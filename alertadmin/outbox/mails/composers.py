"""The words of a delivery are made as late as they can be: when its first attempt begins.

Who owes a kind of delivery registers how it is worded; the outbox itself knows no reminders.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from alertadmin.outbox.models import Delivery, Purpose
from mailer.message import Attachment


@dataclass(frozen=True)
class Content:
    """`brief` is the text in as few words as a channel wants; `details` the same for programs: a JSON object for each
    thing that it tells of. `language` is that of the words."""

    subject: str
    text: str
    html: str = ""
    brief: str = ""
    details: list[dict[str, Any]] = field(default_factory=list)
    language: str = ""
    attachments: tuple[Attachment, ...] = ()
    """Of texts in UTF-8, such as a calendar."""


@dataclass(frozen=True)
class Obsolete:
    """There is nothing to tell any more: renewed, deleted, superseded."""

    reason: str


@dataclass(frozen=True)
class Deferred:
    """It may not leave before `until`."""

    until: datetime
    reason: str


Composer = Callable[[Delivery, datetime], Content | Deferred | Obsolete]
Filler = Callable[[Delivery, str], str]
"""Puts into the words, as a mail leaves, what no row may hold."""
Owner = Callable[[Delivery], UUID | None]
"""The tenant whose mail it is: it tells of that tenant alone, and is for that tenant's people."""
_composers: dict[str, Composer] = {}
_fillers: dict[str, Filler] = {}
_owners: dict[str, Owner] = {}


def register(purpose: Purpose, composer: Composer, filler: Filler | None = None, owner: Owner | None = None) -> None:
    """Without an `owner` its mails are the installation's."""
    _composers[purpose] = composer
    if filler is not None:
        _fillers[purpose] = filler
    if owner is not None:
        _owners[purpose] = owner


def compose(delivery: Delivery, now: datetime) -> Content | Deferred | Obsolete:
    return _composers[delivery.purpose](delivery, now)


def owner_of(delivery: Delivery) -> UUID | None:
    """The tenant whose mail it is; None: the installation's. Of words that are repeated, whose they were when they were
    fixed."""
    if delivery.repeats_words:
        return None if delivery.belongs_to in ("", Delivery.INSTALLATION) else UUID(delivery.belongs_to)
    find = _owners.get(delivery.purpose)
    return find(delivery) if find is not None and not delivery.goes_by_channel else None


def filled(delivery: Delivery, words: str) -> str:
    filler = _fillers.get(delivery.purpose)
    return filler(delivery, words) if filler else words
