"""Random histories of workers that start, are suspended, die and return, against a server that counts messages.

The model knows only what the server accepted. A message is accepted twice only if its delivery was uncertain, never
three times, and in the end each delivery is sent or marked as uncertain.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.conf import settings as django_settings
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule, run_state_machine_as_test

from alertadmin.outbox.models import Attempt, AttemptOutcome, Delivery, DeliveryState
from alertadmin.outbox.queue import claims
from tests.outbox.factories import bare

LEASE: timedelta = django_settings.OUTBOX_LEASE


@dataclass
class Worker:
    delivery: Delivery
    attempt: Attempt | None = None
    was_taken: bool = False
    """The server took the message; the worker does not yet know, or did not yet write it down."""


class History(RuleBasedStateMachine):
    workers = Bundle("workers")

    def __init__(self) -> None:
        super().__init__()
        Delivery.objects.all().delete()
        self.now = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
        self.accepted: Counter[UUID] = Counter()
        bare(2, self.now)

    @rule(target=workers)
    def begins(self) -> Worker | None:
        claimed = claims.claim(self.now, limit=1)
        return Worker(claimed[0]) if claimed else None

    @rule(worker=workers)
    def opens_an_attempt(self, worker: Worker | None) -> None:
        if worker is None or worker.attempt is not None:
            return
        if worker.delivery.was_uncertain and claims.was_accepted(worker.delivery):
            claims.finish(worker.delivery, DeliveryState.SENT, self.now)
            return
        attempt = Attempt(route="by pigeon")
        if claims.open_attempt(worker.delivery, attempt, self.now):
            worker.attempt = attempt

    @rule(worker=workers)
    def the_server_takes_it(self, worker: Worker | None) -> None:
        if worker and worker.attempt and not worker.was_taken:
            self.accepted[worker.delivery.pk] += 1
            worker.was_taken = True

    @rule(worker=workers)
    def the_server_refuses_it(self, worker: Worker | None) -> None:
        if worker and worker.attempt and not worker.was_taken:
            claims.close_attempt(worker.attempt, self.now, AttemptOutcome.REFUSED)
            worker.attempt = None

    @rule(worker=consumes(workers))
    def hears_that_it_was_taken(self, worker: Worker | None) -> None:
        if worker and worker.was_taken:
            outcome = AttemptOutcome.ACCEPTED
            claims.finish(worker.delivery, DeliveryState.SENT, self.now, attempt=worker.attempt, outcome=outcome)

    @rule(worker=consumes(workers))
    def hears_nothing(self, worker: Worker | None) -> None:
        if worker and worker.attempt:
            outcome = AttemptOutcome.UNKNOWN
            claims.finish(worker.delivery, DeliveryState.UNCERTAIN, self.now, attempt=worker.attempt, outcome=outcome)

    @rule(worker=consumes(workers))
    def finds_no_way(self, worker: Worker | None) -> None:
        if worker and worker.attempt is None:
            claims.release(worker.delivery, self.now, not_before=self.now + timedelta(minutes=1))

    @rule(worker=consumes(workers))
    def dies(self, worker: Worker | None) -> None:
        pass

    @rule(worker=consumes(workers))
    def breaks_down(self, worker: Worker | None) -> None:
        if worker:
            claims.fail_unexpectedly(worker.delivery, self.now, not_before=self.now, error="OSError")

    @rule(worker=workers)
    def renews(self, worker: Worker | None) -> None:
        if worker:
            claims.renew({worker.delivery.pk: worker.delivery.owner}, self.now)

    @rule(seconds=st.sampled_from([20, 80, 200]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def somebody_sweeps(self) -> None:
        claims.reclaim_expired_leases(self.now)

    @invariant()
    def twice_only_if_uncertain_and_never_three_times(self) -> None:
        for delivery in Delivery.objects.all():
            times = self.accepted[delivery.pk]
            assert times <= 1 or (times == 2 and delivery.was_uncertain), (times, delivery.state)

    @invariant()
    def sent_means_that_the_server_took_it(self) -> None:
        for delivery in Delivery.objects.filter(state=DeliveryState.SENT):
            assert self.accepted[delivery.pk]

    def teardown(self) -> None:
        """All remaining workers die; a new one sends what is due."""
        self.now += LEASE + timedelta(hours=1)
        claims.reclaim_expired_leases(self.now)
        while worker := self.begins():
            self.opens_an_attempt(worker)
            self.the_server_takes_it(worker)
            self.hears_that_it_was_taken(worker)
        self.twice_only_if_uncertain_and_never_three_times()
        self.sent_means_that_the_server_took_it()
        for delivery in Delivery.objects.all():
            assert delivery.settled_at is not None
            assert delivery.state in {DeliveryState.SENT, DeliveryState.UNCERTAIN}


@pytest.mark.django_db
def test_no_history_loses_a_message_or_repeats_it_unsaid() -> None:
    run_state_machine_as_test(History, settings=settings(max_examples=40, stateful_step_count=25, deadline=None))
