"""Owners are told by mail when it changes by what, or to whom, the installation itself sends: whoever chooses that can
read what it sends. A letter for each change, written in its transaction.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import Model

from alertadmin.accounts import audit
from alertadmin.accounts.models import Membership
from alertadmin.outbox import doorbell
from alertadmin.watching.letters import tell_one
from alertadmin.watching.models import LetterKind


def tell(thing: Model | audit.Subject, now: datetime) -> None:
    """Within the transaction of the change. `thing` is what was changed: a mailbox, a channel, a policy."""
    entry = audit.record(audit.Act.INSTALLATION_ROUTE_CHANGED, thing, now=now)
    addresses = Membership.objects.owners().values_list("user__email_canonical", flat=True)
    for address in sorted(set(addresses)):
        tell_one(LetterKind.ROUTE, [str(entry.number)], address, now, urgency=now)
    doorbell.ring()
