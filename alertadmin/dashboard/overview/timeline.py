"""The next 24 months as stacked bars: how many credentials end in which month, in the units of an SVG."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db.models import Case, CharField, Count, QuerySet, Value, When
from django.db.models.functions import TruncMonth
from django.utils import timezone

from alertadmin.dashboard.looks import AMBER_DAYS, RED_DAYS
from alertadmin.dashboard.overview.needs import EWS_ENDS
from alertadmin.registry.models import Credential, CredentialState

MONTHS = 24
TOP, HEIGHT, STEP, WIDTH = 26, 96, 40, 26
URGENCIES = ("bad", "warn", "good", "next")
"""From the bottom of a bar to its top."""


@dataclass(frozen=True)
class Part:
    urgency: str
    y: int
    height: int


@dataclass(frozen=True)
class Bar:
    """One month; x and y in the units of the SVG's view box."""

    month: date
    count: int
    x: int
    parts: list[Part] = field(default_factory=list)
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
    """The first days of this month and the 23 after it, in the viewer's time zone."""
    today = timezone.localtime(now).date()
    return [date(today.year + (today.month - 1 + n) // 12, (today.month - 1 + n) % 12 + 1, 1) for n in range(MONTHS)]


def span(month: date) -> tuple[datetime, datetime]:
    """A month's first moment and the next month's, in the viewer's time zone."""
    zone = timezone.get_current_timezone()
    first = datetime(month.year, month.month, 1, tzinfo=zone)
    return first, datetime(month.year + month.month // 12, month.month % 12 + 1, 1, tzinfo=zone)


def timeline(now: datetime, credentials: QuerySet[Credential]) -> list[Bar]:
    """One bar a month, this month first."""
    urgency = Case(
        When(state=CredentialState.NEXT, then=Value("next")),
        When(expires_at__lt=now + timedelta(days=RED_DAYS), then=Value("bad")),
        When(expires_at__lt=now + timedelta(days=AMBER_DAYS), then=Value("warn")),
        default=Value("good"),
        output_field=CharField(),
    )
    shown = months(now)
    _first, beyond = span(shown[-1])
    found = (
        credentials.filter(expires_at__gte=now, expires_at__lt=beyond)
        .order_by()
        .annotate(month=TruncMonth("expires_at"), urgency=urgency)
        .values_list("month", "urgency")
        .annotate(Count("pk"))
    )
    counts: dict[date, dict[str, int]] = {}
    for month, name, count in found:
        counts.setdefault(month.date(), {})[name] = count
    most = max([sum(one.values()) for one in counts.values()] + [1])
    return [_bar(number, month, counts.get(month, {}), most) for number, month in enumerate(shown)]


def _bar(number: int, month: date, counts: dict[str, int], most: int) -> Bar:
    parts, y = [], TOP + HEIGHT
    for urgency in URGENCIES:
        if count := counts.get(urgency, 0):
            height = max(round(HEIGHT * count / most), 4)
            y -= height
            parts.append(Part(urgency, y, height))
    ends_ews = (month.year, month.month) == (EWS_ENDS.year, EWS_ENDS.month)
    return Bar(month, sum(counts.values()), 8 + number * STEP, parts, ends_ews)
