"""Owners are told by mail when it changes by what, or to whom, the installation itself sends: whoever chooses that can
read what it sends. A letter for each change, written in its transaction; of many changes by one person, one an hour.

"""

from __future__ import annotations

from datetime import datetime

from django.db.models import Model, Q

from alertadmin.accounts import audit
from alertadmin.accounts.models import Membership
from alertadmin.outbox import doorbell, entry_mails
from alertadmin.outbox.models import Purpose
from alertadmin.watching.letters import tell_one
from alertadmin.watching.models import Letter, LetterKind

OF_A_CHANGE = Q(pk__in=Letter.objects.filter(kind=LetterKind.ROUTE).values("delivery"))


def tell(thing: Model | audit.Subject, now: datetime) -> None:
    """Within the transaction of the change. `thing` is what was changed: a mailbox, a channel, a policy."""
    entry = audit.record(audit.Act.INSTALLATION_ROUTE_CHANGED, thing, now=now)
    addresses = Membership.objects.owners().values_list("user__email_canonical", flat=True)
    for address in sorted(set(addresses)):
        at = entry_mails.leaves_at(entry, Purpose.HOUSE, address)
        waiting = entry_mails.gathering(Purpose.HOUSE, address, entry.at, OF_A_CHANGE) if at > entry.at else None
        if waiting is not None:
            Letter.objects.create(kind=LetterKind.ROUTE, about=entry.number, recipient=address, delivery=waiting)
        else:
            tell_one(LetterKind.ROUTE, [str(entry.number)], address, now, urgency=now, not_before=at)
    doorbell.ring()
