"""What of the rows counts as not well, and what does not: deliveries by their state, hour and tries."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from alertadmin.monitoring import health_facts
from alertadmin.monitoring.health_checks import Runner
from alertadmin.monitoring.health_facts import queue
from alertadmin.monitoring.health_report import check
from alertadmin.outbox.models import Attempt, Delivery
from alertadmin.registry.models import Mailbox
from alertadmin.reminders.scan import scanner
from tests.conftest import NOW
from tests.factories import Rows
from tests.monitoring.conftest import alive
from tests.outbox.factories import bare


@pytest.fixture
def running(db: None, broker_answers: None) -> None:
    scanner.run(NOW)
    alive(NOW)


def wrong() -> list[str]:
    return [f"{one.part} {one.code}" for one in check(NOW).problems]


def tried(delivery: Delivery, minutes: float) -> None:
    """So long ago."""
    Attempt.objects.create(
        delivery=delivery, number=1, owner=uuid4(), route="x", started_at=NOW - timedelta(minutes=minutes)
    )


def ago(**parts: float) -> datetime:
    return NOW - timedelta(**parts)


def ahead(**parts: float) -> datetime:
    return NOW + timedelta(**parts)


def test_a_quiet_installation_is_well(running: None) -> None:
    assert wrong() == []


def test_without_a_scan_and_a_worker_it_is_not(db: None, broker_answers: None) -> None:
    assert wrong() == ["worker worker_never", "scan scan_never"]


DELIVERIES: list[tuple[str, dict[str, Any], list[str]]] = [
    ("just due", {}, []),
    ("due for a while", {"not_before": ago(minutes=4)}, []),
    ("due and not tried", {"not_before": ago(minutes=5)}, ["untried"]),
    ("for a digest in six days", {"not_before": ahead(days=6), "created_at": ago(days=3)}, []),
    ("in quiet hours", {"not_before": ahead(hours=7), "reason": "It waits for the morning."}, []),
    ("in review", {"not_before": ahead(hours=9), "review_until": ahead(hours=9)}, []),
    ("waits its turn", {"not_before": ahead(minutes=1), "tries": 1}, []),
    ("a server asked to wait", {"not_before": ahead(hours=1), "tries": 1, "cause": "throttled"}, []),
    ("tried in vain", {"not_before": ahead(minutes=1), "tries": 1, "cause": "network"}, ["failing"]),
    ("no route", {"not_before": ahead(minutes=1), "cause": "other"}, ["failing"]),
    ("in doubt", {"not_before": ahead(minutes=1), "state": "uncertain", "was_uncertain": True}, ["in_doubt"]),
    ("in doubt, refused since", {"was_uncertain": True, "cause": "network", "tries": 2}, ["in_doubt"]),
    ("being sent", {"state": "sending", "lease_until": ahead(minutes=1)}, []),
    ("held by a worker that was lost", {"state": "sending", "lease_until": ago(minutes=6)}, ["untried"]),
    ("sent", {"not_before": ago(days=3), "state": "sent", "was_uncertain": True}, []),
    ("failed for good", {"not_before": ago(days=3), "state": "failed", "cause": "recipient_rejected"}, []),
    ("in doubt, and ended by an earlier version", {"state": "uncertain", "settled_at": ago(days=60)}, []),
    ("a test in doubt", {"state": "uncertain", "purpose": "test", "was_uncertain": True}, []),
    ("a test that is due", {"not_before": ago(days=3), "purpose": "test"}, []),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "codes"), [row[1:] for row in DELIVERIES], ids=[row[0] for row in DELIVERIES])
def test_a_delivery(running: None, fields: dict[str, Any], codes: list[str]) -> None:
    bare(1, NOW, **fields)
    assert wrong() == [f"deliveries {code}" for code in codes]


def test_where_cron_sends_what_is_due_waits_for_its_next_hour(db: None) -> None:
    bare(1, NOW, not_before=ago(minutes=80))
    assert queue(NOW, Runner.COMMAND).untried.count == 0
    assert queue(NOW, Runner.WORKER).untried.count == 1
    Delivery.objects.update(not_before=ago(minutes=91))
    assert queue(NOW, Runner.COMMAND).untried.count == 1


def test_what_waits_behind_others_that_are_being_sent_is_well(running: None) -> None:
    waiting, _other = bare(2, ago(days=1))
    tried(waiting, minutes=4)
    assert (queue(NOW).waiting, queue(NOW).due, queue(NOW).untried.count) == (2, 2, 0)


def test_a_try_by_a_clock_that_ran_ahead_hides_nothing(running: None) -> None:
    waiting, _other = bare(2, ago(days=1))
    tried(waiting, minutes=-3000)
    assert queue(NOW).untried.count == 2


def test_of_a_trouble_is_known_since_when_why_and_when_it_is_tried_again(running: None) -> None:
    for number, (created, again) in enumerate([(ago(hours=3), ahead(minutes=9)), (ago(hours=1), ahead(minutes=2))]):
        bare(1, created, dedupe_key=f"{number}", not_before=again, cause="network", tries=1)
    failing = queue(NOW).failing
    assert (failing.count, failing.since, failing.next_try, failing.cause) == (
        2,
        ago(hours=3),
        ahead(minutes=2),
        "network",
    )


def test_without_any_route_it_is_not_well_once_something_is_watched(running: None, rows: Rows) -> None:
    credential = rows.credential(value="uvW8Q~secret")
    assert wrong() == ["ways no_route"]
    Mailbox.objects.create(
        tenant=credential.app.tenant, app=credential.app, address="alarms@northpark.example", transport="graph"
    )
    assert wrong() == []


def test_deliveries_cost_one_query_for_any_number(running: None) -> None:
    bare(30, NOW)
    with CaptureQueriesContext(connection) as queries:
        assert queue(NOW).waiting == 30
    assert len(queries) == 1


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not health_facts.disk_is_full()
    found = os.statvfs("/")
    full = os.statvfs_result([*found[:4], 100, *found[5:]])
    monkeypatch.setattr(os, "statvfs", lambda _path: full)
    assert health_facts.disk_is_full()
