"""What people are reminded of: one module for each kind. A new kind is a line here."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from django.db.models import QuerySet

from alertadmin.reminders.models import Scan
from alertadmin.reminders.policies import PlanLookup
from alertadmin.reminders.scan.sources import consents, credentials, ews, personal_sign_ins


class ScanSource(Protocol):
    def due(self, now: datetime, plans: PlanLookup, /) -> QuerySet[Any]:
        """What somebody must be told of and nobody was, while there is somebody to tell; the nearest end first."""

    def write(self, scan: Scan, found: QuerySet[Any]) -> int:
        """Inserts a reminder for each of `found`, some of `due`, that has none yet; returns how many."""


SOURCES: tuple[ScanSource, ...] = (credentials, ews, consents, personal_sign_ins)
