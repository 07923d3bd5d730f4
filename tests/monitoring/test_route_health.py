"""A route is judged by what came of its latest attempt that says something of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from alertadmin.outbox.delivery.route_health import failed_routes
from alertadmin.outbox.models import Attempt, Channel, Delivery
from alertadmin.registry.models import Mailbox
from sandbox import Sandbox
from tests.conftest import NOW
from tests.factories import Rows
from tests.outbox.factories import bare

ACCEPTED = {"outcome": "accepted"}
TIMED_OUT = {"outcome": "unknown", "cause": "network"}
REFUSED = {"outcome": "refused", "cause": "secret_expired"}

HISTORIES: list[tuple[str, list[dict[str, str]], bool]] = [
    ("never used", [], False),
    ("accepted", [ACCEPTED], False),
    ("the sole attempt failed", [REFUSED], True),
    ("no answer", [TIMED_OUT], True),
    ("failed, then accepted", [REFUSED, ACCEPTED], False),
    ("accepted, then failed", [ACCEPTED, TIMED_OUT], True),
    ("recipient refused", [{"outcome": "refused", "cause": "recipient_rejected"}], False),
    ("failed, then recipient refused", [REFUSED, {"outcome": "refused", "cause": "recipient_rejected"}], False),
    ("throttled", [{"outcome": "refused", "cause": "throttled"}], False),
    ("worker lost", [{"outcome": "lost"}], False),
    ("failed, then worker lost", [REFUSED, {"outcome": "lost"}], True),
    ("failed, then under way", [REFUSED, {"outcome": "open"}], True),
    ("never begun", [{"outcome": "refused"}], False),
    ("failed, then another transport accepted", [REFUSED, {**ACCEPTED, "transport": "smtp"}], True),
    ("another transport failed", [ACCEPTED, {**TIMED_OUT, "transport": "smtp"}], False),
    ("accepted, then failed by a clock days ahead", [ACCEPTED, {**TIMED_OUT, "days": "9"}], False),
]


def tried(history: list[dict[str, str]], **route: Any) -> None:
    """One attempt a minute, the last of them now."""
    delivery: Delivery = bare(1, NOW, state="sent", purpose="test", dedupe_key=f"{uuid4()}")[0]
    for number, fields in enumerate(history, start=1):
        attempt = {**route, "cause": "", **fields}
        days = float(attempt.pop("days", 0))
        started = NOW - timedelta(minutes=len(history) - number) + timedelta(days=days)
        Attempt.objects.create(delivery=delivery, number=number, owner=uuid4(), started_at=started, **attempt)


@pytest.fixture
def mailbox(rows: Rows) -> Mailbox:
    app = rows.app()
    return Mailbox.objects.create(tenant=app.tenant, app=app, address="alarms@northpark.example", transport="graph")


def failed() -> list[str]:
    return [route.kind for route in failed_routes(NOW, most=5)[0]]


@pytest.mark.parametrize(("history", "is_failed"), [row[1:] for row in HISTORIES], ids=[row[0] for row in HISTORIES])
def test_a_mailbox(mailbox: Mailbox, history: list[dict[str, str]], is_failed: bool) -> None:
    tried(history, mailbox=mailbox, transport="graph")
    assert failed() == ["mailbox"] * is_failed


OF_ANY_ROUTE = [row for row in HISTORIES if "transport" not in row[0]]


@pytest.mark.parametrize(
    ("history", "is_failed"), [row[1:] for row in OF_ANY_ROUTE], ids=[row[0] for row in OF_ANY_ROUTE]
)
def test_the_relay_and_a_channel(relay: Sandbox, rows: Rows, history: list[dict[str, str]], is_failed: bool) -> None:
    channel = Channel.objects.create(name="Operations", service="slack", label="Slack", hint="slack", address="x")
    tried(history, transport="relay")
    tried(history, transport="channel", channel=channel)
    assert failed() == ["relay", "channel"] * is_failed
    Channel.objects.update(is_paused=True)
    assert failed() == ["relay"] * is_failed


def test_a_relay_that_is_gone_is_no_failed_route(rows: Rows) -> None:
    tried([REFUSED], transport="relay")
    assert failed() == []


def test_since_when_and_why(mailbox: Mailbox) -> None:
    tried([REFUSED, ACCEPTED, TIMED_OUT, REFUSED], mailbox=mailbox, transport="graph")
    [[found], count] = failed_routes(NOW, most=5)
    assert (found.cause, found.since, found.tried_at) == ("secret_expired", NOW - timedelta(minutes=1), NOW)
    assert (found.id, count) == (mailbox.pk, 1)


def test_the_first_are_named_and_all_are_counted(mailbox: Mailbox) -> None:
    for number in range(3):
        address = f"other-{number}@northpark.example"
        other = Mailbox.objects.create(tenant=mailbox.tenant, app=mailbox.app, address=address, transport="graph")
        tried([REFUSED], mailbox=other, transport="graph")
    found, count = failed_routes(NOW, most=2)
    assert (len(found), count) == (2, 3)
