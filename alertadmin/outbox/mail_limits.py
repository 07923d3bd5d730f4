"""Limits on the mails that a user can cause: invitations and their renewals, consent requests, tests by mail or
channel, resends of uncertain deliveries, new recipients of the monthly mail. Every view that sends a mail on a user's
request calls this; `tests/attacks` checks all of them.

Counted by user, tenant, recipient, recipient's domain and installation, each by one conditional statement of the
database, so that parallel requests cannot exceed them. They suffice for a day's legitimate work: inviting 40 users of
one customer, or requesting consent from the contacts of 400 tenants. Tests also have hourly limits
(outbox.send_test.test_limits). A password reset is limited by account and network instead (accounts.throttling), so
that other mails to an address cannot use up its owner's resets. Notices about audit entries are merged, not refused
(outbox.mails.entry_mails). Reminders, calendars and management commands are not limited.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from alertadmin.accounts.models import User
from alertadmin.audit.throttle_counter import Limit
from alertadmin.registry.models import Contact
from mailer.email_address import canonical

DAY = timedelta(days=1)
PERSON = Limit("mails by", 500, DAY)
PERSON_TO_STRANGERS = Limit("mails to strangers by", 100, DAY)
"""To addresses that belong to no account and to no contact of a tenant."""
TENANT = Limit("mails of", 100, DAY)
"""Mails about one tenant; those of the installation are counted as one more."""
RECIPIENT = Limit("mails to", 10, DAY)
DOMAIN = Limit("mails to domain", 100, DAY)
INSTALLATION = Limit("mails", 2000, DAY)


class TooManyMails(ValidationError):
    """No further mail may be caused now; the message says until when."""

    def __init__(self, until: datetime) -> None:
        self.until = until
        super().__init__(
            _(
                "Nothing was sent: this exceeds the number of mails per day for one user, one tenant, or one "
                "address or its domain. The next one can be sent after %(time)s."
            ),
            params={"time": date_format(timezone.localtime(until), pgettext("date format", "j M Y, H:i"))},
            code="too_many_mails",
        )


def count_mail(by: User | None, tenant: UUID | None, recipient: str, now: datetime) -> None:
    """Count one mail, before it is written. `by` None: a management command, not limited. Raises TooManyMails."""
    count_mail_of(by, [tenant], recipient, now)


def count_mail_of(by: User | None, tenants: Sequence[UUID | None], recipient: str, now: datetime) -> None:
    """The same for a mail about several tenants: it counts for each of them."""
    if by is None:
        return
    address = canonical(recipient)
    of_tenants = [(TENANT, str(one)) for one in tenants]
    wanted = [(PERSON, str(by.pk)), *of_tenants, (INSTALLATION, "")]
    if address != by.email_canonical:  # a mail to oneself counts against the user's own limits only
        wanted += [(RECIPIENT, address), (DOMAIN, address.rpartition("@")[2])]
        if not _is_known(address):
            wanted.append((PERSON_TO_STRANGERS, str(by.pk)))
    take_all(wanted, now, TooManyMails)


def count_each(by: User | None, recipients: Iterable[str], now: datetime) -> None:
    """Count one mail of the installation for each recipient. Raises TooManyMails; the caller rolls back."""
    for recipient in recipients:
        count_mail(by, None, recipient, now)


def count_for_channel(by: User | None, tenant: UUID | None, channel: UUID, host: str, now: datetime) -> None:
    """Count one message to `host` by a channel. Raises TooManyMails."""
    if by is None:
        return
    wanted = [(PERSON, str(by.pk)), (TENANT, str(tenant)), (INSTALLATION, ""), (RECIPIENT, f"channel {channel}")]
    take_all([*wanted, (DOMAIN, canonical(host).rpartition("@")[2])], now, TooManyMails)


def take_all(
    wanted: Sequence[tuple[Limit, str]], now: datetime, refusal: Callable[[datetime], ValidationError]
) -> None:
    """Count one of each, or none. Raises `refusal(until)`, where `until` is when the exhausted limit resets."""
    for number, (limit, of) in enumerate(wanted):
        if until := limit.acquire(of, now):
            for earlier, whose in wanted[:number]:
                earlier.release(whose, now)
            raise refusal(until)


def _is_known(address: str) -> bool:
    is_contact = Contact.objects.filter(email_canonical=address).exists()
    return is_contact or User.objects.by_address(address) is not None
