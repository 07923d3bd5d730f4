"""What a page says of the next route is what the next run does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from alertadmin.outbox import worker
from alertadmin.outbox.delivery.next_route import next_route
from alertadmin.stored_messages import render_stored
from sandbox import Sandbox
from tests.factories import Site
from tests.outbox.factories import bare, reminder
from tests.outbox.fake_clock import Time


@pytest.mark.django_db(transaction=True)
def test_it_is_the_one_that_the_next_run_tries(make_site: Callable[..., Site], relay: Sandbox, time: Time) -> None:
    """While Graph gives no clear answer: the same mailbox once more, and then the relay, which takes it."""
    site = make_site(chosen=True, days=5, contacts=["duty@northpark.example"])
    relay.faults.add("graph", status=504, times=None)
    delivery = reminder(time())
    said, done = [], []
    for _run in range(6):
        delivery.refresh_from_db()
        if delivery.state == "sent":
            break
        time.passes(seconds=max(0.0, (delivery.not_before - time()) / timedelta(seconds=1)))
        route = next_route(delivery, time())
        said.append(route.label if route else "")
        before = delivery.tries
        worker.deliver_due(clock=time)
        done.append(delivery.attempts.get(number=before + 1).route)
    assert said == done
    assert said[0].startswith(site.mailbox.address)
    assert render_stored([attempt.route for attempt in delivery.attempts.all()][-1]) == "SMTP relay"


def test_where_there_is_no_route_it_says_none(db: None, time: Time) -> None:
    assert next_route(bare(1, time())[0], time()) is None
