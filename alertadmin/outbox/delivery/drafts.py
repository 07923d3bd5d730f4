"""Find, send and delete an attempt's draft in the mailbox in which it was created. Functions that call the mailbox
raise SendError, SecretUnavailable, UnknownCloud."""

from __future__ import annotations

from datetime import datetime

from alertadmin.outbox import messages
from alertadmin.outbox.delivery import connections
from alertadmin.outbox.models import UNNAMED, Attempt
from mailer.errors import SendError
from mailer.tokens import OnStep
from mailer.transports import DraftingTransport, Receipt, Sender

RELATED = ("delivery", "mailbox__app__tenant", "mailbox__tenant")
"""Relations to select with an attempt."""


def find(attempt: Attempt) -> str | None:
    """The id of the draft if it is still there, unsent; else None."""
    transport, sender = _place(attempt)
    return transport.find_draft(known_id(attempt), attempt.delivery.message_id, sender)


def send(attempt: Attempt, on_step: OnStep) -> Receipt:
    transport, sender = _place(attempt)
    return transport.send_draft(known_id(attempt), attempt.delivery.message_id, sender, on_step=on_step)


def discard(attempt: Attempt) -> None:
    transport, sender = _place(attempt)
    transport.discard(known_id(attempt), attempt.delivery.message_id, sender)


def record_retry_after(attempt: Attempt, until: datetime) -> None:
    """Record that the server asked to wait until then, without refusing the attempt itself."""
    Attempt.objects.filter(pk=attempt.pk).update(held_until=until)


def forget_draft(attempt: Attempt) -> None:
    """Drop the draft: it does not exist, or can no longer be looked up."""
    attempt.draft = ""
    attempt.save(update_fields=["draft"])


def known_id(attempt: Attempt) -> str:
    return "" if attempt.draft == UNNAMED else attempt.draft


def _place(attempt: Attempt) -> tuple[DraftingTransport, Sender]:
    if attempt.mailbox is None:
        raise SendError("other", messages.MAILBOX_DELETED)
    transport = connections.transport(attempt.transport)
    if not isinstance(transport, DraftingTransport):
        raise SendError("other", messages.NO_DRAFTS)
    return transport, connections.build_sender(attempt.mailbox)
