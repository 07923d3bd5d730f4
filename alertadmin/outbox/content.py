"""The words of a delivery are made as late as they can be: when its first attempt begins.

Who owes a kind of delivery registers how it is worded; the outbox itself knows no reminders.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

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
class NoLongerOwed:
    """There is nothing to tell any more: renewed, deleted, superseded."""

    reason: str


@dataclass(frozen=True)
class NotNow:
    """It may not leave before `until`."""

    until: datetime
    reason: str


Composer = Callable[[Delivery, datetime], Content | NotNow | NoLongerOwed]
Filler = Callable[[Delivery, str], str]
"""Puts into the words, as a mail leaves, what no row may hold."""
_composers: dict[str, Composer] = {}
_fillers: dict[str, Filler] = {}


def register(purpose: Purpose, composer: Composer, filler: Filler | None = None) -> None:
    _composers[purpose] = composer
    if filler is not None:
        _fillers[purpose] = filler


def compose(delivery: Delivery, now: datetime) -> Content | NotNow | NoLongerOwed:
    return _composers[delivery.purpose](delivery, now)


def filled(delivery: Delivery, words: str) -> str:
    filler = _fillers.get(delivery.purpose)
    return filler(delivery, words) if filler else words
