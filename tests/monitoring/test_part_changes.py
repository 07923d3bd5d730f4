"""A part that becomes well, or stops being so, is one line; one that stays as it is, none."""

from __future__ import annotations

from datetime import datetime

import pytest

from alertadmin.monitoring import health_report
from alertadmin.monitoring.health_checks import Part, Problem
from alertadmin.monitoring.health_report import Health
from alertadmin.monitoring.models import Heartbeat
from tests.operator_log.lines import logged

BROKEN = [Problem(Part.BROKER, "broker_silent"), Problem(Part.ROUTES, "no_way"), Problem(Part.ROUTES, "way_failed")]


@pytest.mark.django_db
def test_each_change_is_one_line(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    Heartbeat.beat(Heartbeat.Source.WORKER, now)
    with logged() as lines:
        for found in ([], BROKEN, BROKEN, BROKEN[1:], []):
            monkeypatch.setattr(health_report, "check", lambda _now, found=found: Health(found, frozenset(Part)))
            health_report.refresh(now, Heartbeat.Source.WORKER)
    changes = [(one["part"], one["state"], one["level"], one.get("cause")) for one in lines.of("part.changed")]
    assert changes == [
        ("broker", "not_well", "ERROR", "broker_silent"),
        ("ways", "not_well", "ERROR", "no_way,way_failed"),
        ("broker", "well", "INFO", None),
        ("ways", "well", "INFO", None),
    ]
