"""Channels of last resort: for mails that no mailbox and no relay can send."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from alertadmin.outbox import worker
from alertadmin.outbox.delivery.rate_limit import PER_MINUTE
from alertadmin.outbox.models import Attempt, Channel, Delivery
from alertadmin.registry.models import Contact
from alertadmin.reminders.scan import scanner
from sandbox import Sandbox
from tests.factories import Site
from tests.mailer.https_server import reply
from tests.outbox.channels.http_server import HttpServer
from tests.outbox.channels.webhook_channels import bodies, without_mail
from tests.outbox.fake_clock import Time

MakeSite = Callable[..., Site]
DUTY = "duty@northpark.example"
pytestmark = pytest.mark.usefixtures("loopback_is_allowed")


def test_last_resort_is_used_in_the_same_run(
    site: Site, last_resort: Channel, receiver: HttpServer, time: Time
) -> None:
    without_mail(site)
    scanner.run(time())
    assert worker.deliver_due(clock=time) == {"sent": 1}
    delivery = Delivery.objects.get()
    assert [(attempt.route, attempt.outcome) for attempt in delivery.attempts.all()] == [
        (f"{site.mailbox.address}, Microsoft Graph", "refused"),
        ("Last, Webhook", "accepted"),
    ]
    [body] = bodies(receiver)
    assert str(body["subject"]).startswith(f"For {DUTY}: “ALERT” of “Northpark Energy”")
    assert str(body["text"]).startswith(f"This was for {DUTY}, and no mail could be sent: ")
    assert "expires in 5 days" in str(body["text"])
    assert worker.deliver_due(clock=lambda: time() + timedelta(days=1)) == {}


@pytest.mark.django_db(transaction=True)
def test_last_resort_is_used_without_mailbox_and_relay(
    site: Site, last_resort: Channel, receiver: HttpServer, time: Time
) -> None:
    site.mailbox.delete()
    Contact.objects.bulk_create([Contact(tenant=site.tenant, email=f"{number}@x.example") for number in range(11)])
    scanner.run(time())
    assert worker.deliver_due(clock=time) == {"sent": 12}
    assert "no working mailbox and no SMTP relay" in str(bodies(receiver)[0]["text"])


def test_sent_mail_does_not_use_the_last_resort(
    site: Site, last_resort: Channel, relay: Sandbox, receiver: HttpServer, time: Time
) -> None:
    without_mail(site)
    scanner.run(time())
    assert worker.deliver_due(clock=time) == {"sent": 1}
    assert receiver.requests == []


def test_busy_mailbox_is_waited_for(site: Site, last_resort: Channel, receiver: HttpServer, time: Time) -> None:
    scanner.run(time())
    delivery = Delivery.objects.get()
    for number in range(PER_MINUTE):
        Attempt.objects.create(
            delivery=delivery, number=100 + number, owner=delivery.pk, mailbox=site.mailbox, started_at=time()
        )
    assert worker.deliver_due(clock=time, only=delivery.pk) == {"pending": 1}
    assert receiver.requests == []


def test_when_the_last_resort_fails_too_the_mail_waits(
    site: Site, last_resort: Channel, receiver: HttpServer, time: Time
) -> None:
    without_mail(site)
    receiver.routes = {"": reply(404)}
    scanner.run(time())
    assert worker.deliver_due(clock=time) == {"pending": 1}
    delivery = Delivery.objects.get()
    assert delivery.not_before > time()
