"""What is wrong with the watching itself: nobody scans, nothing leaves, no way to send, no keys for the secrets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alertadmin.outbox import claims
from alertadmin.outbox.chain import Chain
from alertadmin.outbox.clock import ClockIsWrong, check
from alertadmin.outbox.models import Attempt, DeliveryState, Purpose
from alertadmin.registry import key_use
from alertadmin.registry.models import Credential
from alertadmin.reminders import scan
from alertadmin.retelling import retold

STUCK_AFTER = timedelta(minutes=90)
"""Cron comes by each hour. What is due for longer while nothing is tried waits for nobody."""
FAILING_AFTER = timedelta(hours=2)
"""A message that so long after its first try has left by no way."""
PARTS = ("scan", "deliveries", "ways", "keys", "clock")


@dataclass(frozen=True)
class Trouble:
    """`part` is the one of PARTS under which `/readyz` tells of it; `text` one sentence, in the active language."""

    part: str
    text: str


@dataclass(frozen=True)
class Standing:
    """How many deliveries are open, tests aside; and of them those that are not as they should be."""

    waiting: int
    stuck: int
    failing: int
    held: int
    """Of those that are as they should be: so many wait to be reviewed (reminders.review)."""


def troubles(now: datetime) -> list[Trouble]:
    found = [clock(now), _scan(now), *deliveries(standing(now)), _ways(now), _keys()]
    return [trouble for trouble in found if trouble]


def standing(now: datetime) -> Standing:
    """One query, and one more where something seems to be stuck.

    What waits for its hour, its turn or a server is not due. What is due, and behind others that are being sent, moves.
    """
    first_try = Attempt.objects.filter(delivery=OuterRef("pk")).order_by("number").values("started_at")[:1]
    since = now - STUCK_AFTER
    overdue = Q(~Q(state=DeliveryState.SENDING), not_before__lte=since)
    abandoned = Q(state=DeliveryState.SENDING, lease_until__lte=since)
    failing = Q(begun__lte=now - FAILING_AFTER) & ~Q(cause="") & ~Q(cause__in=claims.SLOWED_DOWN)
    counted = (
        claims.open_deliveries()
        .exclude(purpose=Purpose.TEST)
        .order_by()
        .annotate(begun=Coalesce(Subquery(first_try), F("created_at")))
        .aggregate(
            waiting=Count("pk"),
            stuck=Count("pk", filter=overdue | abandoned),
            failing=Count("pk", filter=failing),
            held=Count("pk", filter=claims.in_review(now)),
        )
    )
    if counted["stuck"] and _tried_since(since):
        counted["stuck"] = 0
    return Standing(**counted)


def _tried_since(since: datetime) -> bool:
    last = Attempt.objects.exclude(delivery__purpose=Purpose.TEST).order_by("-pk").first()
    return last is not None and last.started_at > since


def clock(now: datetime) -> Trouble | None:
    try:
        check(now)
    except ClockIsWrong as error:
        return Trouble("clock", retold(str(error)))
    return None


def _scan(now: datetime) -> Trouble | None:
    if not scan.is_stale(now):
        return None
    return Trouble("scan", _("Nobody has looked for ending secrets for more than a day: reminders may be late."))


def deliveries(found: Standing) -> list[Trouble]:
    told = []
    if found.stuck:
        text = ngettext(
            "%(count)d message is due for more than an hour and nobody sends it.",
            "%(count)d messages are due for more than an hour and nobody sends them.",
            found.stuck,
        )
        told.append(Trouble("deliveries", text % {"count": found.stuck}))
    if found.failing:
        text = ngettext(
            "%(count)d message has left by no way for more than two hours.",
            "%(count)d messages have left by no way for more than two hours.",
            found.failing,
        )
        told.append(Trouble("deliveries", text % {"count": found.failing}))
    return told


def _ways(now: datetime) -> Trouble | None:
    """Where nothing is watched there is nothing to tell."""
    chain = Chain.for_reminders(now)
    if chain.ways or chain.last_resorts or not Credential.objects.watched().exists():
        return None
    return Trouble("ways", _("There is no way to send a reminder: no mailbox that can send, and no SMTP relay."))


def _keys() -> Trouble | None:
    """Reminders go out all the same, by whatever needs no stored secret."""
    trouble = key_use.trouble()
    return Trouble("keys", retold(trouble)) if trouble else None
