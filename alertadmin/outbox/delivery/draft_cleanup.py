"""Delete drafts that will not be sent, so that a user does not find them in the mailbox and send them by hand.

Best effort: a draft that cannot be deleted is never sent by this program.
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

TIMEOUT = 5.0
"""Seconds for one draft."""
MAX_PER_RUN = 5
CREATION_TIME = timedelta(minutes=2)
"""After this time, a request without an answer has created its draft or never will."""
GIVE_UP_AFTER = timedelta(days=7)


class HasOrphanDraft(Func):
    """A literal instead of a parameter, so that SQLite recognises its partial index of attempts with drafts."""

    template = "%(expressions)s > ''"
    output_field = BooleanField()


def delete_orphan_drafts(now: datetime) -> None:
    """Delete a few at the end of each run. A draft of unknown id may still be being created, or belong to another
    attempt, so it is kept until its delivery is settled; so is a draft in doubt, which is looked up before each try."""
    left = Attempt.objects.filter(HasOrphanDraft(F("draft"))).exclude(outcome=AttemptOutcome.OPEN)
    settled = Q(delivery__settled_at__isnull=False, finished_at__lt=now - CREATION_TIME)
    not_sent = Q(outcome=AttemptOutcome.REFUSED) & ~Q(draft=UNNAMED)
    unwell: set[UUID | None] = set()
    for attempt in left.filter(settled | not_sent).select_related(*drafts.RELATED).order_by("pk")[:MAX_PER_RUN]:
        if attempt.mailbox_id in unwell or _discard(attempt):
            continue
        unwell.add(attempt.mailbox_id)
        if attempt.finished_at and attempt.finished_at < now - GIVE_UP_AFTER:
            drafts.forget_draft(attempt)


def _discard(attempt: Attempt) -> bool:
    try:
        with deadline_sockets.deadline(TIMEOUT):
            # A message that was sent has the same id in Sent Items: that copy must not be deleted.
            if attempt.outcome in claims.UNCERTAIN_OUTCOMES and drafts.find(attempt) is None:
                return _was_sent(attempt)
            drafts.discard(attempt)
    except (SendError, SecretUnavailable, UnknownCloud) as error:
        log.info("a draft of attempt %s stays for now: %s", attempt.pk, type(error).__name__)
        return False
    attempt.outcome = AttemptOutcome.REFUSED if attempt.outcome in claims.UNCERTAIN_OUTCOMES else attempt.outcome
    attempt.draft = ""
    attempt.save(update_fields=["draft", "outcome"])
    return True


def _was_sent(attempt: Attempt) -> bool:
    """Drop the draft. Only if its id is known does its absence prove that it was sent."""
    if drafts.known_id(attempt):
        attempt.outcome, attempt.technical = AttemptOutcome.ACCEPTED, messages.FOUND_SENT
    attempt.draft = ""
    attempt.save(update_fields=["draft", "outcome", "technical"])
    return True
