"""The bars of the next 24 months: each secret counted in its month, in the viewer's time zone, by its urgency."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from alertadmin.dashboard.looks import AMBER_DAYS, RED_DAYS
from alertadmin.dashboard.overview.timeline import months, span, timeline
from alertadmin.registry.models import Credential, CredentialState
from tests.conftest import NOW
from tests.rows import Rows

RED, AMBER = timedelta(days=RED_DAYS), timedelta(days=AMBER_DAYS)


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/St_Johns"])
def test_each_secret_stands_in_its_month_by_its_urgency(rows: Rows, zone: str) -> None:
    with timezone.override(ZoneInfo(zone)):
        shown = months(NOW)
        edges = [NOW, NOW + RED, NOW + AMBER, *(span(month)[1] for month in shown)]
        ends = [edge + off for edge in edges for off in (-timedelta.resolution, timedelta(0), timedelta(hours=40))]
        for end, state in product(ends, ("current", "next")):
            app = rows.app()
            rows.credential(app, days=(end - NOW) / timedelta(days=1), state=state)
        secrets = Credential.objects.all()
        expected = Counter(place for secret in secrets if (place := place_of(secret))[0] in shown)
        drawn = {(bar.month, part.urgency) for bar in timeline(NOW, secrets) for part in bar.parts}
        assert drawn == set(expected)
        assert {bar.month: bar.count for bar in timeline(NOW, secrets)} == {
            month: sum(count for (where, _urgency), count in expected.items() if where == month) for month in shown
        }


def test_an_empty_house_has_empty_months(db: None) -> None:
    assert [bar.count for bar in timeline(NOW, Credential.objects.all())] == [0] * 24


def place_of(secret: Credential) -> tuple[date | None, str]:
    """Its month, or None for what has ended; and what it is drawn as."""
    month = timezone.localtime(secret.expires_at).date().replace(day=1) if secret.expires_at >= NOW else None
    if secret.state == CredentialState.NEXT:
        return month, "next"
    left = secret.expires_at - NOW
    return month, "bad" if left < RED else "warn" if left < AMBER else "good"
