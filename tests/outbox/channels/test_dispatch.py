"""Deliveries by channel, to a webhook receiver on the loopback interface."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from time import monotonic

import pytest
from django.db import connection
from pytest_django import Settings

from alertadmin.crypto.messages import TAMPERED
from alertadmin.outbox import messages, worker
from alertadmin.outbox.channels import webhook
from alertadmin.outbox.delivery.rate_limit import PER_MINUTE
from alertadmin.outbox.models import Attempt, Channel, Delivery
from alertadmin.outbox.queue import claims
from alertadmin.outbox.queue.dispatcher import THREADS_PER_LANE
from alertadmin.outbox.send_test import test_send
from alertadmin.registry.models import Credential
from alertadmin.reminders.scan import scanner
from mailer.http.ssrf_guard import EgressAllowlist
from tests.factories import Rows, Site
from tests.mailer.https_server import Request, reply
from tests.mailer.tcp_server import Cut
from tests.outbox.channels.http_server import HttpServer
from tests.outbox.channels.webhook_channels import bodies, cut, webhook_to, without_mail
from tests.outbox.fake_clock import Time

MakeSite = Callable[..., Site]
DUTY = "duty@northpark.example"
PATIENCE = 18
"""Seconds that a server which never answers waits; a channel is given up a little later."""

pytestmark = pytest.mark.usefixtures("loopback_is_allowed")


# By its own channel


def test_a_reminder_reaches_the_channel_signed_with_its_matter(
    channel: Channel, receiver: HttpServer, time: Time
) -> None:
    scanner.run(time())
    delivery = channel.deliveries.get()
    assert worker.deliver_due(clock=time, only=delivery.pk) == {"sent": 1}
    [request], [body] = receiver.requests, bodies(receiver)
    assert channel.signing_key is not None
    stamp = request.headers["alertadmin-timestamp"]
    signed = webhook.signature_of(channel.signing_key.decrypt(), stamp, request.body)
    assert request.headers["alertadmin-signature"] == signed
    assert request.headers["idempotency-key"] == body["id"] == str(delivery.pk)
    delivery.refresh_from_db()
    assert (body["subject"], body["text"]) == (delivery.subject, delivery.text)
    assert delivery.subject == "“ALERT” of “Northpark Energy”: client secret expires in 5 days"
    item = body["items"][0]
    assert (item["kind"], item["app"], item["threshold"], item["is_over"]) == ("credential", "ALERT", 7, False)
    assert item["at"] == "2026-11-28T08:00:00+00:00"
    [attempt] = delivery.attempts.all()
    assert (attempt.route, attempt.channel, attempt.outcome) == ("Ops, Webhook", channel, "accepted")
    assert [step["step"] for step in attempt.steps] == ["address", "message"]


@pytest.mark.django_db(transaction=True)
def test_mail_and_channel_do_not_depend_on_each_other(
    site: Site, channel: Channel, receiver: HttpServer, time: Time
) -> None:
    receiver.routes = {"": reply(500)}
    scanner.run(time())
    worker.deliver_due(clock=time)
    states = dict(Delivery.objects.values_list("recipient", "state"))
    assert states == {DUTY: "sent", "Ops": "uncertain"}
    without_mail(site)
    receiver.routes = {"": reply(200)}
    Credential.objects.update(expires_at=time() + timedelta(days=1))
    scanner.run(time.passes(days=1))
    worker.deliver_due(clock=time)
    newest = Delivery.objects.filter(created_at=time())
    assert dict(newest.values_list("recipient", "state")) == {DUTY: "pending", "Ops": "sent"}


def test_refused_channel_delivery_has_its_own_backoff(channel: Channel, receiver: HttpServer, time: Time) -> None:
    receiver.routes = {"": reply(404)}
    scanner.run(time())
    delivery = channel.deliveries.get()
    for wait in (1, 2, 4):
        assert worker.deliver_due(clock=time, only=delivery.pk) == {"pending": 1}
        delivery.refresh_from_db()
        assert wait <= (delivery.not_before - time()) / timedelta(minutes=1) <= wait * 1.1
        time.passes(minutes=wait * 1.1)
    assert (delivery.cause, delivery.reason) == ("other", "HTTP 404")
    receiver.routes = {"": reply(200)}
    assert worker.deliver_due(clock=time, only=delivery.pk) == {"sent": 1}


def test_channel_retry_after_is_respected(channel: Channel, receiver: HttpServer, time: Time) -> None:
    receiver.routes = {"": reply(429, retry_after="1800")}
    scanner.run(time())
    delivery = channel.deliveries.get()
    worker.deliver_due(clock=time, only=delivery.pk)
    delivery.refresh_from_db()
    assert delivery.cause == "throttled"
    assert delivery.not_before >= time() + timedelta(minutes=30)


def test_an_answer_that_never_came_is_asked_for_once_more_with_the_same_key_and_body(
    channel: Channel, receiver: HttpServer, time: Time
) -> None:
    receiver.routes = {"": cut}
    scanner.run(time())
    delivery = channel.deliveries.get()
    assert worker.deliver_due(clock=time, only=delivery.pk) == {"uncertain": 1}
    receiver.routes = {"": reply(200)}
    time.passes(hours=5)
    assert worker.deliver_due(clock=time, only=delivery.pk) == {"sent": 1}
    first, second = receiver.requests
    assert first.body == second.body
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]


@pytest.mark.django_db(transaction=True)
def test_an_attempt_is_written_down_before_the_first_byte(channel: Channel, receiver: HttpServer, time: Time) -> None:
    seen: list[tuple[str, str]] = []

    def look(request: Request) -> bytes:
        """What another database connection sees while the request is in progress."""
        seen.extend(Attempt.objects.filter(channel=channel).values_list("outcome", "delivery__state"))
        connection.close()
        return reply(200)(request)

    receiver.routes = {"": look}
    scanner.run(time())
    worker.deliver_due(clock=time, only=channel.deliveries.get().pk)
    assert seen == [("open", "sending")]


@pytest.mark.django_db(transaction=True)
def test_dead_channel_delays_neither_mail_nor_other_channels(
    site: Site, receiver: HttpServer, time: Time, rows: Rows
) -> None:
    def never(request: Request) -> bytes:
        receiver.closing.wait(PATIENCE)
        raise Cut

    webhook_to(receiver.url, "Dead", tenant=site.tenant)
    webhook_to(receiver.url, "Alive", tenant=site.tenant)
    receiver.routes = {"Dead": never, "": reply(200)}
    for _message in range(THREADS_PER_LANE + 2):
        scanner.run(time())
        rows.credential(rows.app(site.tenant), days=5)
    assert Delivery.objects.count() == 3 * (THREADS_PER_LANE + 2)

    def rest_is_sent() -> bool:
        """Asked before each delivery: lets the receiver go once all but the dead one's are there."""
        if Delivery.objects.filter(state="sent").count() == 2 * (THREADS_PER_LANE + 2):
            receiver.closing.set()
            return True
        return False

    begun = monotonic()
    worker.deliver_due(clock=time, stopping=rest_is_sent)
    assert monotonic() - begun < PATIENCE - 2
    assert set(Delivery.objects.exclude(state="sent").values_list("recipient", flat=True)) == {"Dead"}


def test_channel_is_rate_limited(channel: Channel, receiver: HttpServer, time: Time) -> None:
    delivery = channel.deliveries.create(
        dedupe_key="x", purpose="reminder", recipient="Ops", channel_label="Webhook", not_before=time()
    )
    for number in range(PER_MINUTE):
        Attempt.objects.create(delivery=delivery, number=number, owner=delivery.pk, channel=channel, started_at=time())
    scanner.run(time())
    waiting = channel.deliveries.exclude(pk=delivery.pk).get()
    assert worker.deliver_due(clock=time, only=waiting.pk) == {"pending": 1}
    waiting.refresh_from_db()
    assert (waiting.reason, waiting.not_before) == (messages.CHANNEL_BUSY, time() + timedelta(minutes=1))
    assert receiver.requests == []


def test_postponing_mail_does_not_postpone_channels(channel: Channel, time: Time) -> None:
    scanner.run(time())
    claims.postpone_reminders(time(), time() + timedelta(hours=1))
    assert [delivery.recipient for delivery in claims.due(time())] == ["Ops"]


# A test


def test_channel_test_is_sent_once(channel: Channel, receiver: HttpServer, time: Time) -> None:
    delivery = test_send.create_for_channel(channel, now=time())
    assert worker.deliver_due(clock=time) == {"sent": 1}
    [body] = bodies(receiver)
    assert (body["event"], body["subject"]) == ("test", "Test by alertadmin: “Ops” works")
    assert body["id"] == str(delivery.pk)
    assert "This channel is notified of expiring secrets." in body["text"]


def test_a_test_of_the_last_resort_promises_no_more_than_it_does(
    db: None, last_resort: Channel, receiver: HttpServer, time: Time
) -> None:
    test_send.create_for_channel(last_resort, now=time())
    worker.deliver_due(clock=time)
    assert "This channel receives what no mail could deliver." in bodies(receiver)[-1]["text"]


@pytest.mark.parametrize(("answer", "state"), [(reply(404), "failed"), (reply(500), "uncertain"), (cut, "uncertain")])
def test_a_test_is_tried_once(
    channel: Channel, receiver: HttpServer, time: Time, answer: Callable[[Request], bytes], state: str
) -> None:
    receiver.routes = {"": answer}
    test_send.create_for_channel(channel, now=time())
    assert worker.deliver_due(clock=time) == {state: 1}
    assert worker.deliver_due(clock=lambda: time() + timedelta(days=1)) == {}
    assert len(receiver.requests) == 1


def test_an_address_inside_is_refused_before_anything_is_connected_to(
    channel: Channel, receiver: HttpServer, time: Time, settings: Settings
) -> None:
    settings.INSIDE_TARGETS = EgressAllowlist()
    delivery = test_send.create_for_channel(channel, now=time())
    assert worker.deliver_due(clock=time) == {"failed": 1}
    delivery.refresh_from_db()
    assert delivery.reason == messages.INTERNAL_ADDRESS
    assert receiver.connections == 0


def test_the_test_of_a_channel_that_was_deleted_is_cancelled(channel: Channel, time: Time) -> None:
    delivery = test_send.create_for_channel(channel, now=time())
    channel.delete()
    assert worker.deliver_due(clock=time) == {"cancelled": 1}
    delivery.refresh_from_db()
    assert delivery.reason == messages.CHANNEL_DELETED


def test_an_address_that_cannot_be_opened_is_said_and_nothing_is_sent(
    channel: Channel, receiver: HttpServer, time: Time
) -> None:
    other = webhook_to(receiver.url, "Other")
    Channel.objects.filter(pk=channel.pk).update(address=other.address)
    delivery = test_send.create_for_channel(channel, now=time())
    assert worker.deliver_due(clock=time) == {"failed": 1}
    delivery.refresh_from_db()
    assert delivery.reason == TAMPERED
    assert receiver.requests == []
