"""`send_reminders`: one run without Celery, and its output for scripts."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone
from pytest_django import Settings

from alertadmin.outbox import messages
from alertadmin.outbox.models import Attempt, Delivery, DeliveryState
from alertadmin.outbox.queue import claims
from alertadmin.registry.models import Credential
from alertadmin.reminders.scan import scanner
from alertadmin.stored_messages import render_stored
from sandbox import Sandbox
from tests.factories import Rows, Site


@pytest.fixture
def site(sandbox: Sandbox, rows: Rows) -> Site:
    """Rows are of the tests' day; the command knows today alone."""
    site = rows.site(sandbox, contacts=["duty@northpark.example"])
    end_in(site, days=5)
    return site


def end_in(site: Site, days: float) -> None:
    Credential.objects.filter(pk=site.credential.pk).update(expires_at=timezone.now() + timedelta(days=days, hours=1))


def send_reminders() -> tuple[int, dict[str, Any]]:
    """Exit code and answer."""
    out = StringIO()
    try:
        call_command("send_reminders", "--json", stdout=out)
    except SystemExit as end:
        return int(str(end.code)), json.loads(out.getvalue())
    return 0, json.loads(out.getvalue())


def numbers(answer: dict[str, Any]) -> dict[str, int]:
    return {name: value for name, value in answer.items() if value and isinstance(value, int) and value is not True}


def test_due_reminders_are_sent_and_reported(site: Site) -> None:
    code, answer = send_reminders()
    assert code == 0
    assert numbers(answer) == {"scanned": 1, "reminders": 1, "deliveries": 1, "sent": 1}
    [detail] = answer["details"]
    assert detail["recipient"] == "duty@northpark.example"
    assert (detail["state"], detail["cause"], detail["title"], detail["next_try"]) == ("sent", None, None, None)
    assert detail["subject"].startswith("“ALERT” of “Northpark Energy”: client secret expires in 5 days")


def test_a_second_one_sends_nothing(site: Site, sandbox: Sandbox) -> None:
    send_reminders()
    before = len(sandbox.ledger.entries())
    code, answer = send_reminders()
    assert (code, numbers(answer), answer["details"]) == (0, {"scanned": 1}, [])
    assert len(sandbox.ledger.entries()) == before


def test_failed_delivery_waits_with_its_cause_and_is_sent_by_the_next_run(site: Site, sandbox: Sandbox) -> None:
    sandbox.faults.add("graph", status=403)
    code, answer = send_reminders()
    assert (code, numbers(answer)) == (1, {"scanned": 1, "reminders": 1, "deliveries": 1, "waiting": 1})
    [detail] = answer["details"]
    assert (detail["state"], detail["cause"]) == ("pending", "mailbox_access_denied")
    assert detail["title"]
    assert detail["next_try"]
    # After a repair, a user's request does not wait for the hour.
    code, answer = send_reminders()
    assert (code, numbers(answer)) == (0, {"scanned": 1, "sent": 1})


def test_delivery_waiting_for_a_server_is_reported(site: Site, sandbox: Sandbox) -> None:
    sandbox.faults.add("graph", status=429, headers={"Retry-After": "600"})
    send_reminders()
    before = len(sandbox.ledger.entries())
    code, answer = send_reminders()
    assert (code, numbers(answer)) == (1, {"scanned": 1, "waiting": 1})
    assert answer["details"][0]["cause"] == "throttled"
    assert len(sandbox.ledger.entries()) == before


def test_without_an_answer_it_is_uncertain_and_repeated_by_the_next(site: Site, sandbox: Sandbox) -> None:
    sandbox.faults.add("graph", reset="after")
    code, answer = send_reminders()
    assert (code, answer["uncertain"], answer["details"][0]["state"]) == (1, 1, "uncertain")
    code, answer = send_reminders()
    assert (code, numbers(answer)) == (0, {"scanned": 1, "sent": 1})
    assert answer["details"][0]["was_uncertain"]


def test_rejected_recipient_fails(site: Site, relay: Sandbox) -> None:
    site.mailbox.delete()
    relay.faults.add("relay", status=550, stage="rcpt")
    code, answer = send_reminders()
    assert (code, answer["failed"]) == (1, 1)
    assert answer["details"][0]["cause"] == "recipient_rejected"


def test_missing_route_is_reported(site: Site) -> None:
    site.mailbox.delete()
    code, answer = send_reminders()
    assert (code, answer["waiting"], answer["details"][0]["reason"]) == (1, 1, render_stored(messages.NO_ROUTE))
    out = StringIO()
    with suppress(SystemExit):
        call_command("send_reminders", stdout=out)
    detail = answer["details"][0]
    assert f"duty@northpark.example: Waiting. {detail['title']} {detail['reason']}" in out.getvalue()


def test_secrets_without_recipient_are_a_failure(site: Site) -> None:
    site.tenant.contacts.all().delete()
    code, answer = send_reminders()
    assert (code, numbers(answer)) == (1, {"scanned": 1, "owed_to_nobody": 1})


def test_what_a_lost_worker_held_is_waited_for_and_sent(site: Site, settings: Settings) -> None:
    settings.OUTBOX_LEASE = timedelta(seconds=1)
    scanner.run(timezone.now())
    [delivery] = claims.claim(timezone.now(), limit=1)
    claims.open_attempt(delivery, Attempt(route="lost"), timezone.now(), subject="as it was")
    code, answer = send_reminders()
    assert (code, numbers(answer)) == (0, {"scanned": 1, "sent": 1, "swept": 1})
    assert Delivery.objects.get().state == DeliveryState.SENT


def test_what_a_worker_lost_long_ago_held_is_taken_back_first(site: Site) -> None:
    scanner.run(timezone.now())
    claims.claim(timezone.now(), limit=1)
    Delivery.objects.update(lease_until=timezone.now() - timedelta(hours=1))
    code, answer = send_reminders()
    assert (code, numbers(answer)) == (0, {"scanned": 1, "sent": 1, "swept": 1})


def test_some_of_each_state_are_listed_and_all_counted(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from alertadmin.management.commands import send_reminders as command

    monkeypatch.setattr(command, "LISTED", 0)
    _code, answer = send_reminders()
    assert (answer["sent"], answer["details"]) == (1, [])
