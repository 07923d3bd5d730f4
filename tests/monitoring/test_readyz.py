"""`/readyz`: for strangers from the row that the worker keeps, whose age is judged; for others what a page says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alertadmin.accounts.models import User
from alertadmin.accounts.models.membership import Membership
from alertadmin.accounts.roles import Role
from alertadmin.monitoring import health_report, worker_heartbeat
from alertadmin.monitoring.health_checks import Part
from alertadmin.monitoring.health_report import public_health
from alertadmin.monitoring.models import Heartbeat
from alertadmin.outbox.models import Delivery
from alertadmin.reminders.scan import scanner
from tests.factories import Rows
from tests.outbox.factories import bare


@pytest.fixture
def running(db: None, broker_answers: None) -> None:
    scanner.run(timezone.now())
    worker_heartbeat.beat()


def answer(client: Client, status: int) -> dict[str, Any]:
    found = client.get("/readyz")
    assert found.status_code == status, found.content
    told: dict[str, Any] = found.json()
    return told


def test_all_is_well(running: None, client: Client) -> None:
    assert answer(client, 200) == {"ok": True, **{part.value: True for part in Part}}


@pytest.mark.control(67)
def test_a_stranger_hears_which_part_and_no_name(running: None, client: Client, rows: Rows) -> None:
    rows.credential(rows.app(rows.tenant("Seaside Terminal")))
    bare(2, timezone.now(), state="uncertain", was_uncertain=True)
    worker_heartbeat.beat()
    told = answer(client, 503)
    assert {name for name, well in told.items() if not well} == {"ok", "deliveries", "ways"}
    assert set(told) == {"ok", *Part}
    assert all(isinstance(value, bool) for value in told.values())


def test_a_stranger_costs_three_small_queries(running: None, client: Client) -> None:
    bare(30, timezone.now())
    with CaptureQueriesContext(connection) as queries:
        client.get("/readyz")
    assert len(queries) <= 3
    assert not any("delivery" in query["sql"] or "credential" in query["sql"] for query in queries)


@pytest.mark.parametrize(
    ("age", "well"), [(timedelta(minutes=1), True), (timedelta(minutes=4), False), (timedelta(minutes=-4), False)]
)
def test_a_row_of_long_ago_proves_nothing(running: None, age: timedelta, well: bool) -> None:
    """A worker that writes heartbeats, but whose check never completes."""
    now = timezone.now()
    Heartbeat.objects.update(at=now, checked_at=now - age)
    found = public_health(now)
    assert found.is_well is well
    assert (found.parts()["deliveries"], found.parts()["keys"]) == ((True, True) if well else (None, None))


def test_without_a_worker_it_is_seen_at_once(client: Client, db: None) -> None:
    scanner.run(timezone.now())
    told = answer(client, 503)
    assert (told["worker"], told["scan"], told["deliveries"]) == (False, True, None)


def test_of_a_database_that_does_not_answer_nothing_else_is_known(
    client: Client, running: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_now: object) -> None:
        raise DatabaseError

    monkeypatch.setattr(health_report, "public_health", fail)
    told = answer(client, 503)
    assert (told["ok"], told["database"], told["broker"]) == (False, False, None)


def test_details_for_users_with_global_rights(running: None, signed_in: Client, administrator: User) -> None:
    bare(1, timezone.now(), state="uncertain", was_uncertain=True)
    worker_heartbeat.beat()
    [told] = answer(signed_in, 503)["problems"]
    assert told["part"] == "deliveries"
    assert told["text"] == "1 message may not have been delivered: no clear answer came."
    for page in ("/", "/watching/", "/tenants/"):
        assert told["text"] in signed_in.get(page).content.decode(), page
    # Mended, each says so at once or with the next beat.
    Delivery.objects.update(state="sent")
    worker_heartbeat.beat()
    assert answer(signed_in, 200)["problems"] == []
    for page in ("/", "/watching/", "/tenants/"):
        assert told["text"] not in signed_in.get(page).content.decode(), page


def test_no_details_for_users_of_one_tenant(running: None, client: Client, rows: Rows) -> None:
    user = User.objects.create(email="eve@seaside.example")
    Membership.objects.create(user=user, tenant=rows.tenant("Seaside Terminal"), role=Role.VIEWER)
    client.force_login(user)
    assert set(answer(client, 200)) == {"ok", *Part}


def test_a_beat_that_cannot_be_written_stops_nothing(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object) -> None:
        raise DatabaseError

    monkeypatch.setattr(Heartbeat, "beat", fail)
    worker_heartbeat.beat()


def test_after_a_run_the_row_is_renewed_but_not_in_a_storm(running: None) -> None:
    class Task:
        name = worker_heartbeat.DELIVER_TASK

    long_ago = timezone.now() - timedelta(seconds=20)
    Heartbeat.objects.update(checked_at=long_ago)
    worker_heartbeat.after_task(Task())
    renewed = Heartbeat.objects.get().checked_at
    assert renewed is not None
    assert renewed > long_ago
    worker_heartbeat.after_task(Task())
    assert Heartbeat.objects.get().checked_at == renewed


def test_where_cron_does_the_work_its_last_run_is_what_strangers_hear(
    client: Client, db: None, capsys: pytest.CaptureFixture[str]
) -> None:
    from django.core.management import call_command

    call_command("send_reminders")
    told = answer(client, 200)
    assert told["broker"] is True  # nothing here needs one
    assert list(Heartbeat.objects.values_list("source", flat=True)) == ["command"]
