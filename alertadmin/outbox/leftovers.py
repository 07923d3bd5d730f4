"""Drafts that were made and are not to be sent: they are taken away, so that nobody finds them and sends them by hand.

A courtesy to whoever opens the mailbox. A draft that cannot be taken away harms nobody: nothing here sends it.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db.models import BooleanField, F, Func, Q

from alertadmin.outbox import claims, drafts
from alertadmin.outbox.models import UNNAMED, Attempt, AttemptOutcome
from alertadmin.registry.clouds import UnknownCloud
from alertadmin.registry.identity import SecretUnavailable
from mailer import sockets
from mailer.failure import Failure

log = logging.getLogger(__name__)

LONGEST = 5.0
"""Seconds for one of them."""
AT_ONCE = 5
BY_NOW = timedelta(minutes=2)
"""A request of which no answer came has made its draft, if ever."""
GIVE_UP_AFTER = timedelta(days=1)


class HasDraft(Func):
    """Written out, not as parameters: only so does SQLite see that its index of attempts with drafts serves."""

    template = "%(expressions)s > ''"
    output_field = BooleanField()


def take_away(now: datetime) -> None:
    """A few at the end of each run. One whose id is not known may only just be coming into being, or be another
    attempt's: it has time until its delivery is settled."""
    left = Attempt.objects.filter(HasDraft(F("draft")), outcome=AttemptOutcome.REFUSED)
    settled = Q(delivery__state__in=claims.FINAL, finished_at__lt=now - BY_NOW)
    for attempt in left.filter(settled | ~Q(draft=UNNAMED)).select_related(*drafts.WAY).order_by("pk")[:AT_ONCE]:
        if not _discard(attempt) and attempt.finished_at and attempt.finished_at < now - GIVE_UP_AFTER:
            _forget(attempt)


def _discard(attempt: Attempt) -> bool:
    try:
        with sockets.deadline(LONGEST):
            drafts.discard(attempt)
    except (Failure, SecretUnavailable, UnknownCloud) as error:
        log.info("a draft of attempt %s stays for now: %s", attempt.pk, type(error).__name__)
        return False
    _forget(attempt)
    return True


def _forget(attempt: Attempt) -> None:
    attempt.draft = ""
    attempt.save(update_fields=["draft"])
