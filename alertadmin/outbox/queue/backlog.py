"""When the last mail that waits will have left, at the pace that Exchange allows: an estimate for people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import OuterRef, Subquery

from alertadmin.outbox.delivery import route_status
from alertadmin.outbox.delivery.rate_limit import PER_MINUTE, WINDOW
from alertadmin.outbox.delivery.routing import Router
from alertadmin.outbox.delivery.tenant_mailboxes import FAILED, MOST_MAILBOXES, sendable
from alertadmin.outbox.models import Attempt
from alertadmin.outbox.queue import claims
from alertadmin.registry.installation_mailbox import has_several_tenants
from alertadmin.registry.models import Mailbox


@dataclass(frozen=True)
class Backlog:
    """So many mails wait to leave now; those that wait for their hour are not among them."""

    waiting: int
    mailboxes: int
    """That sent when they were last tried, or were never tried."""
    by_relay: bool
    """The relay, which took what it was last given, takes what the mailboxes have no time for, at no pace of ours."""
    now: datetime

    @property
    def ends_at(self) -> datetime | None:
        """None where no way sends: then nobody can tell."""
        lasts = time_to_drain(self.waiting, self.mailboxes)
        if lasts is None and not self.by_relay:
            return None
        return self.now + (WINDOW if self.by_relay or lasts is None else lasts)


def time_to_drain(waiting: int, mailboxes: int, per_minute: int = PER_MINUTE) -> timedelta | None:
    """Each mailbox sends so many at once, then as many each minute. None where there is no mailbox."""
    if not mailboxes:
        return None
    return WINDOW * max(1, -(-waiting // (mailboxes * per_minute)))


def drain(now: datetime) -> Backlog | None:
    """None if nothing waits."""
    by_mail = claims.open_deliveries().filter(claims.BY_MAIL & ~claims.TESTS, not_before__lte=now + WINDOW)
    if not (waiting := by_mail.count()):
        return None
    ways = Router.for_reminders(now).installation_routes
    senders = [way.mailbox.pk for way in ways if way.mailbox is not None]
    if not senders or not has_several_tenants():
        # Tenants' own mailboxes carry their mails side by side.
        senders += sendable().exclude(pk__in=senders).order_by("pk").values_list("pk", flat=True)[:MOST_MAILBOXES]
    by_relay = any(way.mailbox is None for way in ways) and route_status.failed_relay(now) is None
    return Backlog(waiting, _working(senders), by_relay, now)


def _working(mailboxes: list[UUID]) -> int:
    latest = Attempt.objects.filter(mailbox=OuterRef("pk")).order_by("-started_at").values("outcome")[:1]
    found = Mailbox.objects.filter(pk__in=mailboxes).annotate(latest=Subquery(latest))
    return found.exclude(latest__in=FAILED, latest__isnull=False).count()
