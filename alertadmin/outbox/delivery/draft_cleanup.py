"""Drafts that were made and are not to be sent: they are taken away, so that nobody finds them and sends them by hand.

A courtesy to whoever opens the mailbox. A draft that cannot be taken away harms nobody: nothing here sends it.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import BooleanField, F, Func, Q

from alertadmin.outbox import messages
from alertadmin.outbox.delivery import drafts
from alertadmin.outbox.models import UNNAMED, Attempt, AttemptOutcome
from alertadmin.outbox.queue import claims
from alertadmin.registry.clouds import UnknownCloud
from alertadmin.registry.credentials.app_identity import SecretUnavailable
from mailer.errors import SendError
from mailer.http import deadline_sockets

log = logging.getLogger(__name__)

LONGEST = 5.0
"""Seconds for one of them."""
AT_ONCE = 5
BY_NOW = timedelta(minutes=2)
"""A request of which no answer came has made its draft, if ever."""
GIVE_UP_AFTER = timedelta(days=7)


class HasOrphanDraft(Func):
    """Written out, not as parameters: only so does SQLite see that its index of attempts with drafts serves."""

    template = "%(expressions)s > ''"
    output_field = BooleanField()


def delete_orphan_drafts(now: datetime) -> None:
    """A few at the end of each run. One whose id is not known may only just be coming into being, or be another
    attempt's: it has time until its delivery is settled. So has one in doubt, which is asked for before each try."""
    left = Attempt.objects.filter(HasOrphanDraft(F("draft"))).exclude(outcome=AttemptOutcome.OPEN)
    settled = Q(delivery__settled_at__isnull=False, finished_at__lt=now - BY_NOW)
    not_sent = Q(outcome=AttemptOutcome.REFUSED) & ~Q(draft=UNNAMED)
    unwell: set[UUID | None] = set()
    for attempt in left.filter(settled | not_sent).select_related(*drafts.WAY).order_by("pk")[:AT_ONCE]:
        if attempt.mailbox_id in unwell or _discard(attempt):
            continue
        unwell.add(attempt.mailbox_id)
        if attempt.finished_at and attempt.finished_at < now - GIVE_UP_AFTER:
            drafts.forget_draft(attempt)


def _discard(attempt: Attempt) -> bool:
    try:
        with deadline_sockets.deadline(LONGEST):
            # What may have been sent lies among the sent items by the same id: that copy is not ours to delete.
            if attempt.outcome in claims.IN_DOUBT and drafts.find(attempt) is None:
                return _was_sent(attempt)
            drafts.discard(attempt)
    except (SendError, SecretUnavailable, UnknownCloud) as error:
        log.info("a draft of attempt %s stays for now: %s", attempt.pk, type(error).__name__)
        return False
    attempt.outcome = AttemptOutcome.REFUSED if attempt.outcome in claims.IN_DOUBT else attempt.outcome
    attempt.draft = ""
    attempt.save(update_fields=["draft", "outcome"])
    return True


def _was_sent(attempt: Attempt) -> bool:
    """Only of one whose id is known does its absence say so."""
    if drafts.known_id(attempt):
        attempt.outcome, attempt.technical = AttemptOutcome.ACCEPTED, messages.FOUND_SENT
    attempt.draft = ""
    attempt.save(update_fields=["draft", "outcome", "technical"])
    return True
