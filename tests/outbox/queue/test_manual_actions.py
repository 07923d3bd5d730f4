"""What users do with deliveries: send now, confirm, give up. Each is one UPDATE and one audit entry."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from alertadmin.accounts.models import AuditEntry
from alertadmin.audit import AuditAction
from alertadmin.outbox.models import Delivery, DeliveryState, Purpose
from alertadmin.outbox.queue import claims, manual_actions
from tests.conftest import NOW
from tests.outbox.factories import bare
from tests.outbox.fake_clock import Time

STATES: dict[str, dict[str, Any]] = {
    "waiting": {"state": "pending"},
    "being sent": {"state": "sending"},
    "in doubt": {"state": "uncertain"},
    "left uncertain by an earlier version": {"state": "uncertain", "settled_at": NOW},
    "sent": {"state": "sent", "settled_at": NOW},
    "failed": {"state": "failed", "settled_at": NOW},
    "cancelled": {"state": "cancelled", "settled_at": NOW},
}
OPEN = {"waiting", "in doubt", "left uncertain by an earlier version"}


def stored(delivery: Delivery) -> Delivery:
    return Delivery.objects.get(pk=delivery.pk)


@pytest.mark.usefixtures("db")
class TestExpedite:
    def test_expedited_deliveries_still_wait_for_a_server_that_asked_to(self, time: Time) -> None:
        later = time() + timedelta(minutes=30)
        waiting, _asked = bare(2, time(), not_before=later)
        Delivery.objects.update(tries=1)
        Delivery.objects.exclude(pk=waiting.pk).update(cause="throttled")
        assert manual_actions.expedite_reminders(time()) == 1
        assert claims.claim(time(), limit=9) == [waiting]


@pytest.mark.usefixtures("db")
class TestManualActions:
    """Each is one conditional UPDATE and one audit entry; none affects deliveries being sent or settled."""

    @pytest.mark.parametrize("is_test", [False, True], ids=["reminder", "test"])
    @pytest.mark.parametrize("state", STATES)
    def test_send_now(self, time: Time, state: str, is_test: bool) -> None:
        fields = {**STATES[state], "purpose": Purpose.TEST} if is_test else STATES[state]
        [delivery] = bare(1, time(), **{"not_before": time() + timedelta(hours=1), **fields})
        before = stored(delivery)
        if state in OPEN and not is_test:
            assert manual_actions.can_send_now(delivery, time())
            assert manual_actions.send_now(delivery.pk, time())
            assert claims.claim(time(), limit=1) == [delivery]
            assert recorded() == [AuditAction.DELIVERY_HASTENED]
            assert not manual_actions.send_now(delivery.pk, time())  # a worker holds it
        else:
            assert not manual_actions.can_send_now(delivery, time())
            assert not manual_actions.send_now(delivery.pk, time())
            assert vars(stored(delivery))["not_before"] == before.not_before
            assert recorded() == []

    def test_what_waits_for_a_server_is_not_sent_now(self, time: Time) -> None:
        [delivery] = bare(1, time(), not_before=time() + timedelta(hours=1), cause="throttled")
        assert not manual_actions.can_send_now(delivery, time())
        assert not manual_actions.send_now(delivery.pk, time())

    @pytest.mark.parametrize(
        ("say", "act", "ends"),
        [
            (manual_actions.confirm_arrived, AuditAction.DELIVERY_CONFIRMED, DeliveryState.SENT),
            (manual_actions.give_up, AuditAction.DELIVERY_GIVEN_UP, DeliveryState.CANCELLED),
        ],
        ids=["it arrived", "given up"],
    )
    @pytest.mark.parametrize("state", STATES)
    def test_what_became_of_it(
        self, time: Time, state: str, say: Callable[[UUID, datetime], bool], act: AuditAction, ends: DeliveryState
    ) -> None:
        [delivery] = bare(1, time(), **STATES[state])
        before = stored(delivery)
        if state in OPEN:
            assert say(delivery.pk, time())
            said = stored(delivery)
            assert (said.state, said.settled_at, said.cause) == (ends, time(), "")
            assert claims.claim(time(), limit=1) == []
            assert recorded() == [act]
            assert not say(delivery.pk, time())
        else:
            assert not say(delivery.pk, time())
            assert (stored(delivery).state, stored(delivery).settled_at) == (before.state, before.settled_at)
            assert recorded() == []


def recorded() -> list[str]:
    return list(AuditEntry.objects.filter(act__startswith="delivery.").values_list("act", flat=True))
