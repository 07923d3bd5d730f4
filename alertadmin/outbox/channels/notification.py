"""The content of a message to a channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Notification:
    """One message, identical each time it is sent. `id` is the delivery's: receivers recognise duplicates by it.

    `at` is when it was composed, aware. `details` is for programs: a JSON object for each item. `event` is "reminder"
    or "test".
    """

    id: UUID
    subject: str
    text: str
    at: datetime
    event: str = "reminder"
    details: tuple[Mapping[str, Any], ...] = field(default=())
