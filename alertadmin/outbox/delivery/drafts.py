"""An attempt's draft, in the mailbox it was made in. What asks the mailbox raises Failure, SecretUnavailable,
UnknownCloud."""

from __future__ import annotations

from datetime import datetime

from alertadmin.outbox import messages
from alertadmin.outbox.delivery import connections
from alertadmin.outbox.models import UNNAMED, Attempt
from mailer.errors import SendError
from mailer.tokens import OnStep
from mailer.transports import Drafting, Receipt, Sender

WAY = ("delivery", "mailbox__app__tenant", "mailbox__tenant")
"""What is read of an attempt to get there."""


def find(attempt: Attempt) -> str | None:
    """The id of the draft that waits to be sent, if one does."""
    transport, sender = _place(attempt)
    return transport.find_draft(known_id(attempt), attempt.delivery.message_id, sender)


def send(attempt: Attempt, on_step: OnStep) -> Receipt:
    transport, sender = _place(attempt)
    return transport.send_draft(known_id(attempt), attempt.delivery.message_id, sender, on_step=on_step)


def discard(attempt: Attempt) -> None:
    transport, sender = _place(attempt)
    transport.discard(known_id(attempt), attempt.delivery.message_id, sender)


def hold(attempt: Attempt, until: datetime) -> None:
    """The server asked to be left alone until then, though not by refusing the attempt itself."""
    Attempt.objects.filter(pk=attempt.pk).update(held_until=until)


def forget_draft(attempt: Attempt) -> None:
    """It cannot be looked up any more, or there is none."""
    attempt.draft = ""
    attempt.save(update_fields=["draft"])


def known_id(attempt: Attempt) -> str:
    return "" if attempt.draft == UNNAMED else attempt.draft


def _place(attempt: Attempt) -> tuple[Drafting, Sender]:
    if attempt.mailbox is None:
        raise SendError("other", messages.MAILBOX_REMOVED)
    transport = connections.transport(attempt.transport)
    if not isinstance(transport, Drafting):
        raise SendError("other", messages.NO_DRAFTS)
    return transport, connections.build_sender(attempt.mailbox)
