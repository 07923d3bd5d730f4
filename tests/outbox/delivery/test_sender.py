"""What becomes of a delivery with each thing a server can do, seen in the sandbox's ledger."""

from __future__ import annotations

import email
import email.utils
import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings

from alertadmin.outbox import messages as outbox_messages
from alertadmin.outbox import worker
from alertadmin.outbox.delivery import sender
from alertadmin.outbox.models import AttemptOutcome, Delivery, DeliveryState
from alertadmin.outbox.send_test import test_send
from alertadmin.registry.models import Credential
from alertadmin.registry.permissions import TransportName
from sandbox import Sandbox
from tests.factories import Site
from tests.outbox.factories import arrived, reminder
from tests.outbox.fake_clock import Time

LAPSED: timedelta = settings.OUTBOX_LEASE + timedelta(seconds=1)
DOORS = {TransportName.GRAPH: "graph", TransportName.EWS: "ews", TransportName.SMTP: "smtp"}


@pytest.fixture(params=TransportName, ids=str)
def by(request: pytest.FixtureRequest, site: Site) -> TransportName:
    """The mailbox's transport; the test runs for each."""
    transport: TransportName = request.param
    site.mailbox.transport = transport
    site.mailbox.save()
    return transport


def attempts(delivery: Delivery) -> list[str]:
    return list(delivery.attempts.values_list("outcome", flat=True))


def content(entry: dict[str, Any]) -> str:
    """The whole message, Date and all, but for the line between its parts."""
    return re.sub(r"=+\d+=+", "", entry["mime"])


def header(entry: dict[str, Any], name: str) -> str:
    [value] = [line for line in entry["mime"].split("\r\n") if line.lower().startswith(f"{name}:")]
    return str(value.partition(":")[2].strip())


def test_accepted_is_sent(site: Site, by: TransportName, sandbox: Sandbox, time: Time) -> None:
    delivery = reminder(time())
    assert worker.deliver_due(clock=time) == {"sent": 1}
    delivery.refresh_from_db()
    assert (delivery.state, delivery.settled_at, delivery.cause) == (DeliveryState.SENT, time(), "")
    [entry] = arrived(sandbox, delivery)
    assert entry["service"] == DOORS[by]
    assert entry["to"] == [delivery.recipient]
    assert [step["step"] for step in delivery.attempts.get().steps] == ["tenant", "token", "permission", "message"]


def test_date_header_is_the_time_of_composition(site: Site, sandbox: Sandbox, time: Time) -> None:
    delivery = reminder(time())
    worker.deliver_due(clock=time)
    [entry] = arrived(sandbox, delivery)
    assert email.utils.parsedate_to_datetime(header(entry, "date")) == time()
    assert header(entry, "auto-submitted") == "auto-generated"


def test_refused_delivery_waits_and_is_composed_again(site: Site, sandbox: Sandbox, time: Time) -> None:
    sandbox.faults.add("graph", status=403)
    delivery = reminder(time())
    assert worker.deliver_due(clock=time) == {"pending": 1}
    delivery.refresh_from_db()
    assert delivery.cause == delivery.attempts.get().cause == "mailbox_access_denied"
    assert delivery.not_before > time()
    time.passes(days=1)
    assert worker.deliver_due(clock=time) == {"sent": 1}
    [entry] = arrived(sandbox, delivery)
    assert "expires in 4 days" in entry["subject"]
    assert email.utils.parsedate_to_datetime(header(entry, "date")) == time()


def test_each_refusal_doubles_the_wait_up_to_an_hour(site: Site, sandbox: Sandbox, time: Time) -> None:
    sandbox.faults.add("graph", status=403, times=None)
    delivery = reminder(time())
    waits = []
    for _number in range(8):
        worker.deliver_due(clock=time)
        delivery.refresh_from_db()
        waits.append((delivery.not_before - time()) / timedelta(minutes=1))
        time.passes(delivery.not_before - time())
    for wait, least in zip(waits, [1, 2, 4, 8, 16, 32, 60, 60], strict=True):
        assert least <= wait <= least * 1.1


@pytest.mark.parametrize("asked", [900, 3 * 3600])
def test_retry_after_is_respected(site: Site, sandbox: Sandbox, time: Time, asked: int) -> None:
    sandbox.faults.add("graph", status=429, headers={"Retry-After": str(asked)})
    delivery = reminder(time())
    worker.deliver_due(clock=time)
    before = len(sandbox.ledger.entries())
    delivery.refresh_from_db()
    assert delivery.cause == "throttled"
    assert asked <= (delivery.not_before - time()).total_seconds() <= asked * 1.1
    Delivery.objects.update(not_before=time())  # due at once
    worker.deliver_due(clock=time)
    assert len(sandbox.ledger.entries()) == before
    time.passes(seconds=asked * 1.1)
    assert worker.deliver_due(clock=time) == {"sent": 1}


def test_retry_after_of_weeks_is_capped(site: Site, sandbox: Sandbox, time: Time) -> None:
    sandbox.faults.add("graph", status=429, headers={"Retry-After": str(30 * 86_400)})
    reminder(time())
    worker.deliver_due(clock=time)
    assert worker.deliver_due(clock=lambda: time() + timedelta(hours=27)) == {"sent": 1}


TOO_LARGE: dict[str, dict[str, Any]] = {
    TransportName.GRAPH: {"status": 413},
    TransportName.EWS: {"code": "ErrorMessageSizeExceeded"},
    TransportName.SMTP: {"status": 552},
}


class TestTooLargeMessage:
    def test_is_sent_without_html_and_attachments(
        self, site: Site, by: TransportName, sandbox: Sandbox, time: Time
    ) -> None:
        sandbox.faults.add(DOORS[by], **TOO_LARGE[by])  # type: ignore[arg-type]
        delivery = reminder(time())
        assert worker.deliver_due(clock=time) == {"sent": 1}
        [entry] = arrived(sandbox, delivery)
        assert "text/plain" in entry["mime"]
        assert "text/html" not in entry["mime"]
        assert attempts(delivery) == [AttemptOutcome.REFUSED, AttemptOutcome.ACCEPTED]
        assert delivery.attempts.first().cause == "message_too_large"  # type: ignore[union-attr]

    def test_keeps_the_beginning_of_a_long_text(
        self, site: Site, sandbox: Sandbox, time: Time, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sender, "MAX_REDUCED_TEXT", 30)
        sandbox.faults.add("graph", status=413)
        delivery = reminder(time())
        worker.deliver_due(clock=time)
        delivery.refresh_from_db()
        [entry] = arrived(sandbox, delivery)
        text = email.message_from_string(entry["mime"]).get_payload(decode=True).decode()  # type: ignore[union-attr]
        assert text.replace("\r\n", "\n").strip() == f"{delivery.text[:30]}\n…".strip()

    def test_waits_like_a_refused_message_if_still_too_large(self, site: Site, sandbox: Sandbox, time: Time) -> None:
        sandbox.faults.add("graph", status=413, times=None)
        delivery = reminder(time())
        assert worker.deliver_due(clock=time) == {"pending": 1}
        assert attempts(delivery) == [AttemptOutcome.REFUSED] * 2
        delivery.refresh_from_db()
        assert delivery.cause == "message_too_large"


def test_delivery_without_answer_is_uncertain_and_repeated_unchanged(
    site: Site, by: TransportName, sandbox: Sandbox, time: Time
) -> None:
    sandbox.faults.add(DOORS[by], reset="after")  # type: ignore[arg-type]
    delivery = reminder(time())
    assert worker.deliver_due(clock=time) == {"uncertain": 1}
    delivery.refresh_from_db()
    assert (delivery.was_uncertain, delivery.settled_at) == (True, None)
    assert worker.deliver_due(clock=time) == {}  # not at once
    time.passes(days=2)
    assert worker.deliver_due(clock=time) == {"sent": 1}
    first, second = arrived(sandbox, delivery)
    assert first["message_id"] == second["message_id"]
    assert content(first) == content(second)
    assert attempts(delivery) == [AttemptOutcome.UNKNOWN, AttemptOutcome.ACCEPTED]
    delivery.refresh_from_db()
    assert (delivery.state, delivery.was_uncertain) == (DeliveryState.SENT, True)


def test_uncertain_delivery_is_never_settled_by_retries(
    site: Site, by: TransportName, sandbox: Sandbox, time: Time
) -> None:
    sandbox.faults.add(DOORS[by], reset="after", times=9)  # type: ignore[arg-type]
    delivery = reminder(time())
    for _day in range(9):
        assert worker.deliver_due(clock=time) == {"uncertain": 1}
        time.passes(days=1)
    assert worker.deliver_due(clock=time) == {"sent": 1}
    came = arrived(sandbox, delivery)
    assert len(came) == 10
    assert len({content(entry) for entry in came}) == 1


def test_a_connection_cut_before_anything_was_taken_may_have_been_after(
    site: Site, sandbox: Sandbox, time: Time
) -> None:
    """From here the two look the same: once more, and not lost."""
    sandbox.faults.add("graph", reset="before")
    delivery = reminder(time())
    assert worker.deliver_due(clock=time) == {"uncertain": 1}
    assert worker.deliver_due(clock=lambda: time() + timedelta(hours=1)) == {"sent": 1}
    assert len(arrived(sandbox, delivery)) == 1


def test_refused_resend_stays_uncertain(site: Site, sandbox: Sandbox, time: Time) -> None:
    sandbox.faults.add("graph", reset="after")
    delivery = reminder(time())
    worker.deliver_due(clock=time)
    sandbox.faults.add("graph", status=403)
    time.passes(hours=1)
    assert worker.deliver_due(clock=time) == {"uncertain": 1}
    sandbox.faults.add("graph", reset="after")
    time.passes(hours=2)
    assert worker.deliver_due(clock=time) == {"uncertain": 1}
    time.passes(hours=2)
    assert worker.deliver_due(clock=time) == {"sent": 1}
    first, second, third = arrived(sandbox, delivery)
    assert content(first) == content(second) == content(third)


def test_obsolete_delivery_is_not_resent(site: Site, sandbox: Sandbox, time: Time) -> None:
    sandbox.faults.add("graph", reset="after")
    delivery = reminder(time())
    worker.deliver_due(clock=time)
    Credential.objects.update(expires_at=time() + timedelta(days=700))
    assert worker.deliver_due(clock=lambda: time() + timedelta(hours=1)) == {"cancelled": 1}
    assert len(arrived(sandbox, delivery)) == 1


class TestATest:
    def test_is_tried_once_after_any_failure(self, site: Site, sandbox: Sandbox, time: Time) -> None:
        sandbox.faults.add("graph", reset="after")
        delivery = test_send.create(site.mailbox, "me@northpark.example", now=time())
        assert worker.deliver_due(clock=time) == {"uncertain": 1}
        assert worker.deliver_due(clock=lambda: time() + timedelta(days=1)) == {}
        assert len(arrived(sandbox, delivery)) == 1

    def test_of_a_mailbox_that_was_removed_meanwhile_is_cancelled(self, site: Site, time: Time) -> None:
        delivery = test_send.create(site.mailbox, "me@northpark.example", now=time())
        site.mailbox.delete()
        assert worker.deliver_due(clock=time) == {"cancelled": 1}
        delivery.refresh_from_db()
        assert delivery.reason == outbox_messages.MAILBOX_DELETED

    def test_of_the_longest_address_there_is_has_a_subject_that_fits(self, site: Site, time: Time) -> None:
        site.mailbox.address = "a" * 60 + "@" + ".".join(["b" * 60] * 3) + ".example"
        site.mailbox.save()
        delivery = test_send.create(site.mailbox, "me@northpark.example", now=time())
        assert worker.deliver_due(clock=time) == {"failed": 1}
        delivery.refresh_from_db()
        assert delivery.cause == "mailbox_not_found"
        assert len(delivery.subject) == 250
