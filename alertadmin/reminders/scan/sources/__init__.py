"""The kinds of reminders: one module each. To add a kind, add a line here."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from django.db.models import QuerySet

from alertadmin.reminders.models import Scan
from alertadmin.reminders.policies import PlanLookup
from alertadmin.reminders.scan.sources import consents, credentials, ews, personal_sign_ins


class ScanSource(Protocol):
    def due(self, now: datetime, plans: PlanLookup, /) -> QuerySet[Any]:
        """Objects with an unsent due reminder and at least one recipient; the nearest expiry first."""

    def write(self, scan: Scan, found: QuerySet[Any]) -> int:
        """Insert a reminder for each of `found`, a part of `due`, that has none yet; return how many."""


SOURCES: tuple[ScanSource, ...] = (credentials, ews, consents, personal_sign_ins)
