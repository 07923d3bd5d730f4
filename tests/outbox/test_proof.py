"""A test send proves the secret as it is now, not the token that an earlier send was given."""

from __future__ import annotations

import pytest

from alertadmin.outbox import worker
from alertadmin.outbox.models import Delivery, DeliveryState
from alertadmin.outbox.send_test import test_send
from alertadmin.registry.permissions import TransportName
from sandbox import Sandbox
from tests.factories import Site
from tests.outbox.factories import reminder
from tests.outbox.fake_clock import Time


def take_the_secret_away(site: Site, sandbox: Sandbox) -> None:
    for secret in sandbox.directory.secrets(site.app.client_id):
        sandbox.directory.remove_secret(site.app.client_id, secret.key_id)


def sent_test(site: Site, time: Time, transport: str) -> Delivery:
    delivery = test_send.create(site.mailbox, "me@northpark.example", transport=transport, now=time())
    worker.deliver_due(clock=time)
    delivery.refresh_from_db()
    return delivery


@pytest.mark.parametrize("transport", TransportName.values)
def test_a_secret_that_was_taken_away_fails_the_next_test(
    site: Site, sandbox: Sandbox, time: Time, transport: str
) -> None:
    assert sent_test(site, time, transport).state == DeliveryState.SENT
    take_the_secret_away(site, sandbox)
    failed = sent_test(site, time, transport)
    assert (failed.state, failed.cause) == (DeliveryState.FAILED, "secret_wrong")


def test_a_reminder_goes_on_with_the_token_that_is_kept(site: Site, sandbox: Sandbox, time: Time) -> None:
    assert sent_test(site, time, "graph").state == DeliveryState.SENT
    take_the_secret_away(site, sandbox)
    delivery = reminder(time())
    worker.deliver_due(clock=time)
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.SENT
