"""The next 24 months as bars: how many credentials end in which month. Numbers for an SVG made on the server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Count, QuerySet
from django.db.models.functions import TruncMonth

from alertadmin.registry.models import Credential

MONTHS = 24
HEIGHT, STEP, WIDTH = 90, 40, 26


@dataclass(frozen=True)
class Bar:
    month: date
    count: int
    x: int
    y: int
    height: int
    width: int = WIDTH

    @property
    def middle(self) -> int:
        return self.x + self.width // 2

    @property
    def above(self) -> int:
        return self.y - 5

    @property
    def starts_year(self) -> bool:
        return self.month.month == 1 or self.x < STEP


def timeline(now: datetime, credentials: QuerySet[Credential]) -> list[Bar]:
    """One bar a month, this month first, in the viewer's time zone."""
    first = now.date().replace(day=1)
    months = [date(first.year + (first.month - 1 + n) // 12, (first.month - 1 + n) % 12 + 1, 1) for n in range(MONTHS)]
    found = credentials.filter(expires_at__gte=now).annotate(month=TruncMonth("expires_at"))
    counts = {month.date(): count for month, count in found.order_by().values_list("month").annotate(Count("pk"))}
    most = max([counts.get(month, 0) for month in months] + [1])
    bars = []
    for number, month in enumerate(months):
        count = counts.get(month, 0)
        height = max(round(HEIGHT * count / most), 4 if count else 1)
        bars.append(Bar(month, count, 8 + number * STEP, 20 + HEIGHT - height, height))
    return bars
