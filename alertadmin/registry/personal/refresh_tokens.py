"""Stored refresh tokens of personal accounts: decrypted to send with, replaced on each use, and used regularly so that
they do not expire."""

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
from alertadmin.registry.personal.device_code import account_of
from mailer import tokens
from mailer.coded_text import message_of
from mailer.errors import SendError
from mailer.personal_account import REFRESH_TOKEN_LIFETIME, PersonalAccount

log = logging.getLogger(__name__)

REFRESH_AFTER = timedelta(days=28)
"""A refresh token unused for this long is refreshed. It expires after 90 days, so two months remain to fix errors."""
MAX_RUN_SECONDS = 300.0
"""Of one run; the next run continues. An authority that does not answer takes ten seconds for each token."""


@dataclass(frozen=True, slots=True)
class StoredRefreshToken:
    """Stores the new refresh tokens of one sign-in of a mailbox (`mailer.personal_account.RefreshTokenStore`).

    A delivery that still uses an earlier sign-in changes nothing of a later one.
    """

    mailbox: UUID
    since: datetime
    clock: Callable[[], datetime] = timezone.now

    def save_renewed(self, refresh_token: str) -> None:
        with transaction.atomic():
            row = self._lock_row()
            if row is not None:
                row.refresh_token = refresh_token
                row.sign_in_ends_at = self.clock() + REFRESH_TOKEN_LIFETIME
                row.save(update_fields=["refresh_token", "sign_in_ends_at"])

    def mark_ended(self, failure: SendError) -> None:
        """Mark the sign-in as ended. The token is kept, in case Microsoft accepts it again."""
        with transaction.atomic():
            row = self._lock_row()
            now = self.clock()
            if row is not None and row.sign_in_ends_at is not None and row.sign_in_ends_at > now:
                row.sign_in_ends_at = now
                row.save(update_fields=["sign_in_ends_at"])

    def _lock_row(self) -> Mailbox | None:
        """Lock the row until the transaction ends, so that parallel renewals do not overwrite each other's columns."""
        return Mailbox.objects.select_for_update().filter(pk=self.mailbox, signed_in_at=self.since).first()


def signed_in_account(mailbox: Mailbox, clock: Callable[[], datetime] = timezone.now) -> PersonalAccount:
    """The account of a mailbox with its refresh token. Raises SecretUnavailable, UnknownCloud."""
    if mailbox.refresh_token is None or mailbox.signed_in_at is None:
        raise SecretUnavailable(messages.NOT_SIGNED_IN % {"address": mailbox.address})
    return replace(
        account_of(mailbox),
        refresh_token=decrypt_for_use(mailbox.refresh_token),
        since=mailbox.signed_in_at.isoformat(),
        store=StoredRefreshToken(mailbox.pk, mailbox.signed_in_at, clock),
    )


def refresh_unused(*, now: datetime) -> Iterator[tuple[Mailbox, SendError | None]]:
    """Refresh each token unused for `REFRESH_AFTER`, those that expire first first. Yields the mailbox and its
    error."""
    resting = Mailbox.objects.filter(
        is_personal=True,
        refresh_token__isnull=False,
    ).filter(
        Q(sign_in_ends_at__gt=now, sign_in_ends_at__lte=now + REFRESH_TOKEN_LIFETIME - REFRESH_AFTER)
        # Later than any token can expire: clock skew.
        | Q(sign_in_ends_at__gt=now + REFRESH_TOKEN_LIFETIME + CLOCKS_DIFFER)
    )
    until = monotonic() + MAX_RUN_SECONDS
    for mailbox in resting.select_related("tenant", "app").order_by("sign_in_ends_at", "pk"):
        if monotonic() > until:
            return
        yield mailbox, _refresh(mailbox, now)


def _refresh(mailbox: Mailbox, now: datetime) -> SendError | None:
    try:
        person = signed_in_account(mailbox, clock=lambda: now)
        tokens.acquire(person, person.graph_scope if mailbox.transport == TransportName.GRAPH else person.smtp_scope)
    except (SecretUnavailable, UnknownCloud) as error:
        return SendError("other", message_of(error))
    except SendError as failure:
        log.warning("sign-in of mailbox %s: %s", mailbox.pk, failure.cause)
        return failure
    return None
