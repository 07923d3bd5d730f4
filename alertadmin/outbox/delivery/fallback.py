"""The notification for a channel of last resort: the recipient of the unsent mail, the reason, and the content."""

from __future__ import annotations

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from alertadmin.outbox import messages
from alertadmin.outbox.channels.notification import Notification
from alertadmin.outbox.mails.composers import Content
from alertadmin.outbox.models import Delivery
from alertadmin.stored_messages import render_stored
from mailer.diagnosis import explain
from mailer.errors import SendError


def fallback_notification(delivery: Delivery, composed: Content, failure: SendError | None) -> Notification:
    """`failure` is that of the last route by mail; None if there was no route to try."""
    assert delivery.composed_at is not None  # noqa: S101 (its content is stored)
    with translation.override(composed.language or settings.LANGUAGE_CODE):
        why = explain(failure.cause, translate=_).title if failure else render_stored(messages.NO_ROUTE)
        first = _("This was for %(address)s, and no mail could be sent: %(why)s. Please forward it.") % {
            "address": delivery.recipient,
            "why": why.rstrip("."),
        }
        return Notification(
            id=delivery.pk,
            subject=_("For %(address)s: %(subject)s") % {"address": delivery.recipient, "subject": composed.subject},
            text=f"{first}\n\n{composed.brief or composed.text}",
            at=delivery.composed_at,
            event=delivery.purpose,
            details=tuple(composed.details),
        )
