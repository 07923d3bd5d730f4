"""Notify owners by mail when the installation's own routes or recipients change, since those can read what it sends.
One mail per change, written in its transaction; after many changes by one user, one mail an hour.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import Model, Q

from alertadmin import audit
from alertadmin.accounts.models import Membership
from alertadmin.monitoring.models import SystemMail, SystemMailKind
from alertadmin.monitoring.system_mails import write_one
from alertadmin.outbox.mails import entry_mails
from alertadmin.outbox.models import Purpose
from alertadmin.outbox.queue import wakeup

ROUTE_CHANGED = Q(pk__in=SystemMail.objects.filter(kind=SystemMailKind.ROUTE).values("delivery"))


def notify_owners(thing: Model | audit.AuditTarget, now: datetime) -> None:
    """Write the mails, in the transaction of the change. `thing` is the changed mailbox, channel or policy."""
    entry = audit.record(audit.AuditAction.INSTALLATION_ROUTE_CHANGED, thing, now=now)
    addresses = Membership.objects.owners().values_list("user__email_canonical", flat=True)
    for address in sorted(set(addresses)):
        at = entry_mails.send_time(entry, Purpose.HOUSE, address)
        waiting = (
            entry_mails.collecting_mail(Purpose.HOUSE, address, entry.at, ROUTE_CHANGED) if at > entry.at else None
        )
        if waiting is not None:
            SystemMail.objects.create(
                kind=SystemMailKind.ROUTE, about=entry.number, recipient=address, delivery=waiting
            )
        else:
            write_one(SystemMailKind.ROUTE, [str(entry.number)], address, now, urgency=now, not_before=at)
    wakeup.notify_worker()
