"""Which attempts and reasons of a delivery the viewer may see.

A tenant's reminder may be tried by routes of others: another tenant's mailbox, the installation's relay, a fallback
channel. A user with a role in one tenant sees that another route was tried, and its outcome; the route, its errors and
its IDs are for users with a role in all tenants.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from alertadmin.accounts.access import Access
from alertadmin.accounts.roles import Right
from alertadmin.outbox import messages
from alertadmin.outbox.delivery.routes import Route
from alertadmin.outbox.models import Attempt, Channel, Delivery, Purpose
from alertadmin.registry.models import Mailbox
from mailer.coded_text import CodedText

FIXED = frozenset(text for text in vars(messages).values() if isinstance(text, CodedText) and "%(" not in text.template)
"""Coded texts without parameters: they name nothing."""


@dataclass(frozen=True)
class ShownAttempt:
    attempt: Attempt
    is_shown: bool
    """Whether the viewer may see the route and its server's answer."""


def shown_attempts(delivery: Delivery, access: Access) -> list[ShownAttempt]:
    """All attempts in order."""
    attempts = list(delivery.attempts.select_related("channel"))
    if access.in_all_tenants():
        return [ShownAttempt(attempt, True) for attempt in attempts]
    mailboxes = _seen(access, Mailbox, [one.mailbox_id for one in attempts])
    channels = _seen(access, Channel, [one.channel_id for one in attempts])
    return [ShownAttempt(one, one.mailbox_id in mailboxes or one.channel_id in channels) for one in attempts]


def _seen(access: Access, model: type[Mailbox] | type[Channel], keys: Collection[object]) -> set[object]:
    return set(access.visible(model).filter(pk__in=[key for key in keys if key]).values_list("pk", flat=True))


def shows_reason(delivery: Delivery, tried: Sequence[ShownAttempt], access: Access) -> bool:
    """Whether the viewer may see the delivery's cause and reason: those of its last attempt."""
    if access.in_all_tenants() or delivery.reason in FIXED:
        return True
    return bool(tried) and tried[-1].is_shown and delivery.reason in ("", tried[-1].attempt.technical)


def shows_cause(delivery: Delivery, access: Access) -> bool:
    """The same for lists, which do not load attempts: tests and channel deliveries only use routes that the viewer may
    see."""
    return access.in_all_tenants() or delivery.purpose == Purpose.TEST or delivery.uses_channel


def shows_route(route: Route | None, access: Access) -> bool:
    if route is None or access.in_all_tenants():
        return True
    sender = route.mailbox or route.channel
    return sender is not None and access.may(Right.LOOK, sender)
