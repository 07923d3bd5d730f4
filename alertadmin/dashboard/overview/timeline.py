"""Bar chart of the next 24 months: credentials by expiry month, in SVG units."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db.models import Count, QuerySet
from django.utils import timezone

from alertadmin.dashboard.ui.badges import AMBER_DAYS, RED_DAYS
from alertadmin.registry.db_expressions import QueryStep
from alertadmin.registry.models import Credential, CredentialState
from alertadmin.reminders.scan.sources.ews import ENDS as EWS_ENDS

MONTHS = 24
TOP, HEIGHT, STEP, WIDTH = 26, 96, 40, 26
URGENCIES = ("bad", "warn", "good", "next")
"""From the bottom of a bar to its top."""


@dataclass(frozen=True)
class TimelinePart:
    urgency: str
    y: int
    height: int


@dataclass(frozen=True)
class Bar:
    """One month; x and y in units of the SVG's view box."""

    month: date
    count: int
    x: int
    parts: list[TimelinePart] = field(default_factory=list)
    ends_ews: bool = False

    @property
    def middle(self) -> int:
        return self.x + WIDTH // 2

    @property
    def top(self) -> int:
        return min((part.y for part in self.parts), default=TOP + HEIGHT)

    @property
    def above(self) -> int:
        return self.top - 6

    @property
    def slot(self) -> int:
        return self.x - (STEP - WIDTH) // 2

    @property
    def starts_year(self) -> bool:
        return self.month.month == 1 or self.x < STEP

    @property
    def query(self) -> str:
        return f"{self.month:%Y-%m}"


def months(now: datetime) -> list[date]:
    """First day of this month and of the 23 following, in the viewer's time zone."""
    today = timezone.localtime(now).date()
    return [date(today.year + (today.month - 1 + n) // 12, (today.month - 1 + n) % 12 + 1, 1) for n in range(MONTHS)]


def span(month: date) -> tuple[datetime, datetime]:
    """Start of the month and of the next month, in the viewer's time zone."""
    zone = timezone.get_current_timezone()
    first = datetime(month.year, month.month, 1, tzinfo=zone)
    return first, datetime(month.year + month.month // 12, month.month % 12 + 1, 1, tzinfo=zone)


def timeline(now: datetime, credentials: QuerySet[Credential]) -> list[Bar]:
    """One bar per month, starting with this month."""
    shown = months(now)
    beyond = [span(month)[1] for month in shown]
    red, amber = now + timedelta(days=RED_DAYS), now + timedelta(days=AMBER_DAYS)
    # Between two neighbouring bounds neither the month nor the urgency changes.
    bounds = sorted({*beyond, red, amber})
    steps = [(bound - timedelta.resolution, number) for number, bound in enumerate(bounds)]
    found = credentials.filter(expires_at__gt=now, expires_at__lt=beyond[-1]).order_by()
    counts: dict[date, dict[str, int]] = {}
    counted = found.annotate(step=QueryStep("expires_at", steps)).values_list("step", "state").annotate(Count("pk"))
    for step, state, count in counted:
        bound = bounds[step]
        urgency = _urgency(state, is_red=bound <= red, is_amber=bound <= amber)
        month = counts.setdefault(shown[bisect_left(beyond, bound)], {})
        month[urgency] = month.get(urgency, 0) + count
    most = max([sum(one.values()) for one in counts.values()] + [1])
    return [_bar(number, month, counts.get(month, {}), most) for number, month in enumerate(shown)]


def _urgency(state: str, *, is_red: bool, is_amber: bool) -> str:
    if state == CredentialState.NEXT:
        return "next"
    return "bad" if is_red else "warn" if is_amber else "good"


def _bar(number: int, month: date, counts: dict[str, int], most: int) -> Bar:
    parts, y = [], TOP + HEIGHT
    for urgency in URGENCIES:
        if count := counts.get(urgency, 0):
            height = max(round(HEIGHT * count / most), 4)
            y -= height
            parts.append(TimelinePart(urgency, y, height))
    ends_ews = (month.year, month.month) == (EWS_ENDS.year, EWS_ENDS.month)
    return Bar(month, sum(counts.values()), 8 + number * STEP, parts, ends_ews)
