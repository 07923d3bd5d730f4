"""Progress of a test send: four steps with their results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from alertadmin.dashboard.channels.failure_help import explain_failure
from alertadmin.dashboard.ui.badges import BAD, BADGES, GOOD, OVER, UNDER_WAY, Badge
from alertadmin.outbox.models import Attempt, Delivery, DeliveryState
from mailer import messages as mailer_messages
from mailer.coded_text import is_coded

STEPS: Sequence[tuple[str, str | Promise]] = (
    ("tenant", _("Tenant found")),
    ("token", _("Token received")),
    ("permission", _("Permission found in the token")),
    ("message", _("Message accepted")),
)
ON_PREMISES = STEPS[3:]
BY_CHANNEL: Sequence[tuple[str, str | Promise]] = (
    ("address", _("Address reached")),
    ("message", _("Message accepted")),
)
PATIENCE = 10
"""Seconds until a test that no worker has started is reported as slow."""
OPEN = frozenset({DeliveryState.PENDING, DeliveryState.SENDING})


@dataclass(frozen=True)
class TestStep:
    badge: Badge
    label: str | Promise
    detail: str = ""
    ms: int | None = None
    """Milliseconds since the start of the attempt."""
    is_failed: bool = False
    is_under_way: bool = False


def progress_context(delivery: Delivery, now: datetime) -> dict[str, Any]:
    """Context of `mailboxes/steps.html`."""
    attempt = delivery.attempts.last()
    waited = (now - delivery.created_at).total_seconds()
    return {
        "delivery": delivery,
        "attempt": attempt,
        "steps": steps(delivery, attempt),
        "meaning": explain_failure(delivery.cause, delivery.reason),
        "is_under_way": is_under_way(delivery),
        "is_failed": delivery.state == DeliveryState.FAILED,
        "is_slow": delivery.state == DeliveryState.PENDING and waited > PATIENCE,
    }


def is_under_way(delivery: Delivery) -> bool:
    """Whether it is in progress, including a pending lookup of its draft."""
    return delivery.state in OPEN or (delivery.state == DeliveryState.UNCERTAIN and delivery.settled_at is None)


def steps(delivery: Delivery, attempt: Attempt | None) -> list[TestStep]:
    """The successful steps, then the running or failed one, then the rest."""
    named = ON_PREMISES if delivery.mailbox and delivery.mailbox.is_on_premises else STEPS
    if delivery.uses_channel:
        named = BY_CHANNEL
    done = {step["step"]: step for step in (attempt.steps if attempt else [])}
    found: list[TestStep] = []
    is_first_open = True
    for name, label in named:
        if step := done.get(name):
            absent = is_coded(step["detail"], mailer_messages.NOT_IN_TOKEN)
            found.append(TestStep(BADGES["not_in_token"] if absent else GOOD, label, step["detail"], step["ms"]))
        elif is_first_open:
            found.append(_open(delivery, label))
            is_first_open = False
        else:
            found.append(TestStep(OVER, label))
    return found


def _open(delivery: Delivery, label: str | Promise) -> TestStep:
    if delivery.state == DeliveryState.UNCERTAIN:
        return TestStep(BADGES["uncertain"], label, is_failed=True)
    if delivery.state == DeliveryState.FAILED:
        return TestStep(BAD, label, is_failed=True)
    return TestStep(UNDER_WAY, label, is_under_way=is_under_way(delivery))
