"""Sign-ins of personal accounts at rest: opened to send with, kept as they rotate, used in time, told when they end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from alertadmin.clock_skew import CLOCKS_DIFFER
from alertadmin.registry import messages
from alertadmin.registry.clouds import UnknownCloud
from alertadmin.registry.credentials.app_identity import SecretUnavailable, decrypt_for_use
from alertadmin.registry.models import Mailbox
from alertadmin.registry.permissions import TransportName
from alertadmin.registry.personal.device_code import person_of
from mailer import tokens
from mailer.errors import SendError
from mailer.personal_account import UNUSED, PersonalAccount

log = logging.getLogger(__name__)

RESTS = timedelta(days=28)
"""A sign-in that lay unused for so long is used, so that two months are left for whatever keeps it from being used."""
LONGEST = 300.0
"""Seconds of one run, those first that end first: an authority that is silent takes ten for each. The next run goes on.
"""


@dataclass(frozen=True, slots=True)
class StoredRefreshToken:
    """Keeps one sign-in of a mailbox. A later one of the same mailbox is not its business: whoever still sends by the
    old one changes nothing of the new."""

    mailbox: UUID
    since: datetime
    clock: Callable[[], datetime] = timezone.now

    def renewed(self, refresh_token: str) -> None:
        with transaction.atomic():
            row = self._alone()
            if row is not None:
                row.refresh_token = refresh_token
                row.sign_in_ends_at = self.clock() + UNUSED
                row.save(update_fields=["refresh_token", "sign_in_ends_at"])

    def ended(self, failure: SendError) -> None:
        """The token stays: should Microsoft take it again, the sign-in goes on."""
        with transaction.atomic():
            row = self._alone()
            now = self.clock()
            if row is not None and row.sign_in_ends_at is not None and row.sign_in_ends_at > now:
                row.sign_in_ends_at = now
                row.save(update_fields=["sign_in_ends_at"])

    def _alone(self) -> Mailbox | None:
        """The row, nobody else's until the transaction ends: of two that renew at once none undoes the other's half."""
        return Mailbox.objects.select_for_update().filter(pk=self.mailbox, signed_in_at=self.since).first()


def signed_in(mailbox: Mailbox, clock: Callable[[], datetime] = timezone.now) -> PersonalAccount:
    """The account of a mailbox, to send with. Raises SecretUnavailable, UnknownCloud."""
    if mailbox.refresh_token is None or mailbox.signed_in_at is None:
        raise SecretUnavailable(messages.NOT_SIGNED_IN % {"address": mailbox.address})
    return replace(
        person_of(mailbox),
        refresh_token=decrypt_for_use(mailbox.refresh_token),
        since=mailbox.signed_in_at.isoformat(),
        keeper=StoredRefreshToken(mailbox.pk, mailbox.signed_in_at, clock),
    )


def keep(*, now: datetime) -> Iterator[tuple[Mailbox, SendError | None]]:
    """Uses each sign-in that rested for long, those first that end first; with what went wrong."""
    resting = Mailbox.objects.filter(
        is_personal=True,
        refresh_token__isnull=False,
    ).filter(
        Q(sign_in_ends_at__gt=now, sign_in_ends_at__lte=now + UNUSED - RESTS)
        # None lasts so long: this was written by a clock that ran ahead.
        | Q(sign_in_ends_at__gt=now + UNUSED + CLOCKS_DIFFER)
    )
    until = monotonic() + LONGEST
    for mailbox in resting.select_related("tenant", "app").order_by("sign_in_ends_at", "pk"):
        if monotonic() > until:
            return
        yield mailbox, _use(mailbox, now)


def _use(mailbox: Mailbox, now: datetime) -> SendError | None:
    try:
        person = signed_in(mailbox, clock=lambda: now)
        tokens.acquire(person, person.graph_scope if mailbox.transport == TransportName.GRAPH else person.smtp_scope)
    except (SecretUnavailable, UnknownCloud) as error:
        return SendError("other", str(error))
    except SendError as failure:
        log.warning("sign-in of mailbox %s: %s", mailbox.pk, failure.cause)
        return failure
    return None
