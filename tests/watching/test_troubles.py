"""What counts as a trouble of the watching itself, and what does not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from alertadmin.outbox.models import Attempt, Delivery
from alertadmin.registry.models import Mailbox
from alertadmin.reminders import scan
from alertadmin.watching.troubles import standing, troubles
from tests.conftest import NOW
from tests.outbox.owing import bare
from tests.rows import Rows


@pytest.fixture
def scanned(db: None) -> None:
    scan.run(NOW)


def parts() -> list[str]:
    return [trouble.part for trouble in troubles(NOW)]


def tried(delivery: Delivery, minutes: float) -> None:
    """So long ago."""
    Attempt.objects.create(
        delivery=delivery, number=1, owner=uuid4(), route="x", started_at=NOW - timedelta(minutes=minutes)
    )


def ago(**parts: float) -> Any:
    return NOW - timedelta(**parts)


def test_a_quiet_installation_is_well(scanned: None) -> None:
    assert parts() == []


def test_a_scan_that_is_missing(db: None) -> None:
    assert parts() == ["scan"]


@pytest.mark.parametrize(
    ("fields", "stuck"),
    [
        ({"not_before": ago(minutes=89)}, 0),
        ({"not_before": ago(minutes=90)}, 1),
        ({"not_before": NOW + timedelta(days=6), "created_at": ago(days=3)}, 0),
        ({"not_before": ago(days=3), "state": "sent"}, 0),
        ({"not_before": ago(days=3), "state": "failed"}, 0),
        ({"not_before": ago(days=3), "state": "uncertain"}, 1),
        ({"not_before": ago(days=3), "state": "uncertain", "settled_at": NOW}, 0),
        ({"not_before": ago(days=3), "state": "sending", "lease_until": NOW}, 0),
        ({"not_before": ago(days=3), "state": "sending", "lease_until": ago(minutes=91)}, 1),
        ({"not_before": ago(days=3), "purpose": "test"}, 0),
    ],
    ids=["soon", "due", "a digest", "sent", "failed", "uncertain", "uncertain for good", "held", "abandoned", "test"],
)
def test_what_is_due_and_nobody_sends_is_stuck(scanned: None, fields: dict[str, Any], stuck: int) -> None:
    bare(1, NOW, **fields)
    assert standing(NOW).stuck == stuck
    assert parts() == ["deliveries"] * stuck


def test_what_waits_behind_others_that_are_being_sent_is_not(scanned: None) -> None:
    waiting, _other = bare(2, ago(days=1))
    tried(waiting, minutes=80)
    assert (standing(NOW).waiting, standing(NOW).stuck) == (2, 0)


@pytest.mark.parametrize(
    ("minutes", "cause", "failing"),
    [(119, "network", 0), (120, "network", 1), (500, "", 0), (500, "throttled", 0)],
    ids=["since a while", "for two hours", "its turn", "a server's wish"],
)
def test_what_leaves_by_no_way_is_failing(scanned: None, minutes: float, cause: str, failing: int) -> None:
    [delivery] = bare(1, ago(days=6), not_before=NOW + timedelta(minutes=5), cause=cause)
    tried(delivery, minutes)
    assert standing(NOW).failing == failing
    assert parts() == ["deliveries"] * failing


def test_without_any_way_there_is_trouble_once_something_is_watched(scanned: None, rows: Rows) -> None:
    credential = rows.credential(value="uvW8Q~secret")
    assert parts() == ["ways"]
    Mailbox.objects.create(
        tenant=credential.app.tenant, app=credential.app, address="alarms@northpark.example", transport="graph"
    )
    assert parts() == []


def test_deliveries_cost_one_query_whatever_their_number(scanned: None) -> None:
    bare(30, NOW)
    with CaptureQueriesContext(connection) as queries:
        assert standing(NOW).waiting == 30
    assert len(queries) == 1


@pytest.mark.control(67)
def test_it_is_on_every_page_and_at_readyz_and_names_nobody(signed_in: Client, rows: Rows) -> None:
    rows.credential(rows.app(rows.tenant("Seaside Terminal")))
    bare(2, ago(days=400))
    for page in ("/", "/tenants/", "/watching/"):
        text = signed_in.get(page, follow=True).content.decode()
        assert "2 messages are due for more than an hour and nobody sends them" in text
    answer = signed_in.get("/readyz")
    assert answer.status_code == 503
    assert set(answer.json()) == {"database", "broker", "scan", "deliveries", "ways", "keys", "clock"}
    assert not answer.json()["deliveries"]
    assert "Seaside" not in answer.content.decode()
    assert "northpark" not in answer.content.decode()
