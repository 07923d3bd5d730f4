"""What a person may say of a delivery: send it again now, it arrived, give it up. Each state x each act."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from alertadmin.accounts.models import AuditEntry, User
from alertadmin.accounts.models.membership import Membership
from alertadmin.accounts.roles import Role
from alertadmin.audit import AuditAction
from alertadmin.outbox.models import Delivery
from tests.conftest import NOW
from tests.outbox.factories import bare

LATER = NOW + timedelta(hours=1)
STATES: dict[str, dict[str, Any]] = {
    "waiting": {"not_before": LATER},
    "tried in vain": {"not_before": LATER, "cause": "network", "tries": 1},
    "due": {"not_before": NOW},
    "asked to wait": {"not_before": LATER, "cause": "throttled"},
    "in doubt": {"not_before": LATER, "state": "uncertain", "was_uncertain": True},
    "left in doubt by an earlier version": {"state": "uncertain", "settled_at": NOW - timedelta(days=40)},
    "being sent": {"state": "sending", "lease_until": LATER},
    "sent": {"state": "sent", "settled_at": NOW},
    "failed": {"state": "failed", "settled_at": NOW, "cause": "recipient_rejected"},
    "cancelled": {"state": "cancelled", "settled_at": NOW},
}
UNDECIDED = {state for state in STATES if STATES[state].get("state", "pending") in ("pending", "uncertain")}
CAN_BE_SENT_NOW = UNDECIDED - {"due", "asked to wait"}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(
    ("act", "entry", "becomes", "allowed"),
    [
        ("delivery-hasten", AuditAction.DELIVERY_HASTENED, None, CAN_BE_SENT_NOW),
        ("delivery-arrived", AuditAction.DELIVERY_CONFIRMED, "sent", UNDECIDED),
        ("delivery-give-up", AuditAction.DELIVERY_GIVEN_UP, "cancelled", UNDECIDED),
    ],
)
def test_each_act_in_each_state(
    signed_in: Client, state: str, act: str, entry: AuditAction, becomes: str | None, allowed: set[str]
) -> None:
    [delivery] = bare(1, NOW, **STATES[state])
    url = reverse(act, args=[delivery.pk])
    with time_machine.travel(NOW, tick=False):
        page = signed_in.get(reverse("delivery", args=[delivery.pk])).content.decode()
        assert (url in page) is (state in allowed)
        answer = signed_in.post(url, follow=True)
    assert answer.status_code == 200
    after = Delivery.objects.get()
    written = AuditEntry.objects.filter(act=entry).count()
    if state in allowed:
        assert (after.state, written) == (becomes or delivery.state, 1)
        assert becomes or after.not_before == NOW
    else:
        assert (after.state, after.not_before, written) == (delivery.state, delivery.not_before, 0)
        assert "notice-danger" in answer.content.decode() or "state-danger" in answer.content.decode()


def test_giving_up_asks_once_and_changes_nothing_before(signed_in: Client, db: None) -> None:
    [delivery] = bare(1, NOW, not_before=LATER)
    page = signed_in.get(reverse("delivery-give-up", args=[delivery.pk])).content.decode()
    assert "Cancel this delivery?" in page
    assert "the next threshold still sends one." in page
    assert Delivery.objects.get().state == "pending"


def test_a_doubt_is_said_in_plain_words(signed_in: Client, db: None) -> None:
    [delivery] = bare(1, NOW, **STATES["in doubt"])
    delivery.attempts.create(
        number=1, owner=delivery.pk, route="a, Graph", started_at=NOW, outcome="unknown", cause="transient"
    )
    page = signed_in.get(reverse("delivery", args=[delivery.pk])).content.decode()
    assert "No clear answer came, so it may or may not have been" in page
    assert "Next attempt" in page


@pytest.mark.control(34)
@pytest.mark.parametrize("act", ["delivery-hasten", "delivery-arrived", "delivery-give-up"])
def test_who_may_only_look_may_not_decide(client: Client, db: None, act: str) -> None:
    [delivery] = bare(1, NOW, not_before=LATER)
    user = User.objects.create(email="eve@northpark.example")
    Membership.objects.create(user=user, role=Role.VIEWER)
    client.force_login(user)
    assert reverse(act, args=[delivery.pk]) not in client.get(reverse("delivery", args=[delivery.pk])).content.decode()
    assert client.post(reverse(act, args=[delivery.pk])).status_code == 403
    assert Delivery.objects.get().state == "pending"


def test_a_test_send_is_nothing_to_decide(signed_in: Client, db: None) -> None:
    [delivery] = bare(1, NOW, purpose="test", state="uncertain", settled_at=NOW)
    page = signed_in.get(reverse("delivery", args=[delivery.pk])).content.decode()
    assert reverse("delivery-arrived", args=[delivery.pk]) not in page
