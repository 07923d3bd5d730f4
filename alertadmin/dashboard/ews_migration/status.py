"""EWS migration status of each mailbox: what was observed, and the one next step."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from alertadmin.accounts.access import Access
from alertadmin.dashboard.ui.badges import BAD, BADGES, DOUBTFUL, GOOD, UNDER_WAY, UNKNOWN, Badge
from alertadmin.outbox.graph_migration import allows_switch, tests_by_graph
from alertadmin.outbox.models import Attempt, AttemptOutcome, DeliveryState
from alertadmin.registry.models import Consent, ConsentStatus, Mailbox
from alertadmin.registry.models.mailbox import by_exchange_online_ews
from alertadmin.registry.permissions import Permission, TransportName
from alertadmin.stored_values import known

SWITCHED_OFF = "ews_blocked"


class NextStep(Enum):
    """The next step of a migration."""

    WANT = "want"
    """Mail.Send is not among the required permissions of the app."""
    ASK = "ask"
    """Mail.Send is not granted according to the last token."""
    TEST = "test"
    MOVE = "move"


@dataclass(frozen=True)
class MigrationStatus:
    ews: tuple[Badge, str | Promise]
    ews_at: datetime | None
    graph: tuple[Badge, str | Promise]
    next: NextStep
    consent: Any
    """ID of the consent to ask for."""


def ews_mailboxes(access: Access) -> QuerySet[Mailbox]:
    """Mailboxes of Exchange Online that send by EWS, annotated for `migration_status`."""
    by_ews = Attempt.objects.filter(mailbox=OuterRef("pk"), transport=TransportName.EWS).order_by("-started_at")
    by_ews = by_ews.exclude(outcome=AttemptOutcome.OPEN)
    consent = Consent.objects.filter(app=OuterRef("app"), tenant=OuterRef("tenant"), permission=Permission.MAIL_SEND)
    return (
        access.visible(Mailbox)
        .filter(by_exchange_online_ews())
        .select_related("tenant", "app")
        .defer("password")
        .annotate(
            ews_outcome=Subquery(by_ews.values("outcome")[:1]),
            ews_cause=Subquery(by_ews.values("cause")[:1]),
            ews_at=Subquery(by_ews.values("started_at")[:1]),
            graph_consent=Subquery(consent.values("pk")[:1]),
            graph_status=Subquery(consent.values("status")[:1]),
            graph_state=Subquery(tests_by_graph(OuterRef("pk")).values("state")[:1]),
            graph_at=Subquery(tests_by_graph(OuterRef("pk")).values("created_at")[:1]),
        )
    )


def migration_status(mailbox: Any, now: datetime) -> MigrationStatus:
    """Status of a row of `leaving`."""
    return MigrationStatus(
        _ews(mailbox), mailbox.ews_at, _graph(mailbox, now), _next(mailbox, now), mailbox.graph_consent
    )


def _ews(mailbox: Any) -> tuple[Badge, str | Promise]:
    if mailbox.ews_outcome is None:
        return UNKNOWN, _("not tried")
    if mailbox.ews_outcome == AttemptOutcome.ACCEPTED:
        return GOOD, _("still allowed")
    if mailbox.ews_cause == SWITCHED_OFF:
        return BAD, _("disabled")
    return DOUBTFUL, _("failed for another reason")


def _graph(mailbox: Any, now: datetime) -> tuple[Badge, str | Promise]:
    if allows_switch(mailbox.graph_state, mailbox.graph_at, now):
        return GOOD, _("a test was accepted")
    if mailbox.graph_state in (DeliveryState.PENDING, DeliveryState.SENDING):
        return UNDER_WAY, _("a test is in progress")
    if mailbox.graph_state == DeliveryState.FAILED:
        return BAD, _("the last test failed")
    if Permission.MAIL_SEND not in mailbox.app.permissions:
        return UNKNOWN, _("Mail.Send is not required yet")
    status = known(ConsentStatus, mailbox.graph_status) or ConsentStatus.UNKNOWN
    return BADGES[status], _("Mail.Send granted") if status == ConsentStatus.GRANTED else _("Mail.Send not granted")


def _next(mailbox: Any, now: datetime) -> NextStep:
    if allows_switch(mailbox.graph_state, mailbox.graph_at, now):
        return NextStep.MOVE
    if Permission.MAIL_SEND not in mailbox.app.permissions:
        return NextStep.WANT
    return NextStep.TEST if mailbox.graph_status == ConsentStatus.GRANTED or not mailbox.graph_consent else NextStep.ASK
