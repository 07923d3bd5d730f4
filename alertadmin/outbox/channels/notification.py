"""What is told by a channel, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Notification:
    """One message, the same each time it is sent. `id` is the delivery's: receivers know a second one by it.

    `at` is when it was worded, aware. `details` goes to programs: one mapping, ready for JSON, for each thing that it
    tells of. `event` is "reminder" or "test".
    """

    id: UUID
    subject: str
    text: str
    at: datetime
    event: str = "reminder"
    details: tuple[Mapping[str, Any], ...] = field(default=())
