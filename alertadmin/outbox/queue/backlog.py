"""Estimate when the last waiting mail will have been sent, given the rate limit of Exchange. Shown on pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import OuterRef, Subquery

from alertadmin.outbox.delivery import route_health
from alertadmin.outbox.delivery.rate_limit import PER_MINUTE, WINDOW
from alertadmin.outbox.delivery.routing import Router
from alertadmin.outbox.delivery.tenant_mailboxes import FAILED, MAX_MAILBOXES, sendable
from alertadmin.outbox.models import Attempt
from alertadmin.outbox.queue import claims
from alertadmin.registry.installation_mailbox import has_several_tenants
from alertadmin.registry.models import Mailbox


@dataclass(frozen=True)
class Backlog:
    """The number of mails that are due now; deliveries scheduled for later are not counted."""

    waiting: int
    mailboxes: int
    """Mailboxes whose latest attempt succeeded, or that were never tried."""
    by_relay: bool
    """The SMTP relay accepted its latest mail. It takes what exceeds the mailboxes' rate limit, without a limit of its
    own."""
    now: datetime

    @property
    def ends_at(self) -> datetime | None:
        """None if no route works: then there is no estimate."""
        lasts = time_to_drain(self.waiting, self.mailboxes)
        if lasts is None and not self.by_relay:
            return None
        return self.now + (WINDOW if self.by_relay or lasts is None else lasts)


def time_to_drain(waiting: int, mailboxes: int, per_minute: int = PER_MINUTE) -> timedelta | None:
    """Duration until `waiting` mails are sent at `per_minute` a mailbox. None if there is no mailbox."""
    if not mailboxes:
        return None
    return WINDOW * max(1, -(-waiting // (mailboxes * per_minute)))


def estimate(now: datetime) -> Backlog | None:
    """Return the estimate, or None if no mail waits."""
    by_mail = claims.open_deliveries().filter(claims.BY_MAIL & ~claims.TESTS, not_before__lte=now + WINDOW)
    if not (waiting := by_mail.count()):
        return None
    routes = Router.for_reminders(now).installation_routes
    senders = [route.mailbox.pk for route in routes if route.mailbox is not None]
    if not senders or not has_several_tenants():
        # Mailboxes of tenants send their own tenant's mails in parallel.
        senders += sendable().exclude(pk__in=senders).order_by("pk").values_list("pk", flat=True)[:MAX_MAILBOXES]
    by_relay = any(route.mailbox is None for route in routes) and route_health.failed_relay(now) is None
    return Backlog(waiting, _working(senders), by_relay, now)


def _working(mailboxes: list[UUID]) -> int:
    latest = Attempt.objects.filter(mailbox=OuterRef("pk")).order_by("-started_at").values("outcome")[:1]
    found = Mailbox.objects.filter(pk__in=mailboxes).annotate(latest=Subquery(latest))
    return found.exclude(latest__in=FAILED, latest__isnull=False).count()
