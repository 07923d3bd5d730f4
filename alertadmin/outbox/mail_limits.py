"""How many mails a person may cause: invitations, their renewals, requests for consent, tests by mail or channel,
repeats of what is in doubt, new recipients of the monthly mail. Every door that owes a mail to a person's click asks
here; `tests/attacks` walks them.

Counted by person, tenant, recipient, recipient's domain and installation, each by one conditional statement of the
database, so that many at once win none. A day's honest work fits: 40 people of one customer are invited, or the
contacts of 400 tenants are asked for consent. Tests have limits by the hour besides (outbox.test_limits). A reset of a
password is limited by account and network (accounts.guessing), so that other mails to an address never use up its
owner's way in. What tells people of acts is gathered, not refused (outbox.entry_mails). What the program itself owes,
reminders and calendars, and what a command asks for with the machine's rights, is not limited.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from alertadmin.accounts.models import User
from alertadmin.audit.throttle_counter import Limit
from alertadmin.registry.models import Contact
from mailer.email_address import canonical

DAY = timedelta(days=1)
PERSON = Limit("mails by", 500, DAY)
PERSON_TO_STRANGERS = Limit("mails to strangers by", 100, DAY)
"""To addresses that belong neither to an account here nor to a contact of a tenant."""
TENANT = Limit("mails of", 100, DAY)
"""Of a tenant's people and apps; those of the whole installation together are another."""
RECIPIENT = Limit("mails to", 10, DAY)
DOMAIN = Limit("mails to domain", 100, DAY)
INSTALLATION = Limit("mails", 2000, DAY)


class TooManyMails(ValidationError):
    """No further mail now; the message says until when."""

    def __init__(self, until: datetime) -> None:
        super().__init__(
            _(
                "Nothing was sent: within a day, no more mails may be caused by one person, for one tenant, or to one "
                "address or its domain. The next one may leave after %(time)s."
            ),
            params={"time": date_format(timezone.localtime(until), "SHORT_DATETIME_FORMAT")},
            code="too_many_mails",
        )


def take(by: User | None, tenant: UUID | None, recipient: str, now: datetime) -> None:
    """Before the mail is written down. `by` None: whoever runs the installation. Raises TooManyMails."""
    if by is None:
        return
    address = canonical(recipient)
    wanted = [(PERSON, str(by.pk)), (TENANT, str(tenant)), (INSTALLATION, "")]
    if address != by.email_canonical:  # who fills their own inbox harms none but themselves
        wanted += [(RECIPIENT, address), (DOMAIN, address.rpartition("@")[2])]
        if not _is_known(address):
            wanted.append((PERSON_TO_STRANGERS, str(by.pk)))
    take_all(wanted, now, TooManyMails)


def take_each(by: User | None, recipients: Iterable[str], now: datetime) -> None:
    """Of mails of the installation. Raises TooManyMails, for the transaction of what causes them."""
    for recipient in recipients:
        take(by, None, recipient, now)


def take_for_channel(by: User | None, tenant: UUID | None, channel: UUID, host: str, now: datetime) -> None:
    """The same for a message by a channel to `host`. Raises TooManyMails."""
    if by is None:
        return
    wanted = [(PERSON, str(by.pk)), (TENANT, str(tenant)), (INSTALLATION, ""), (RECIPIENT, f"channel {channel}")]
    take_all([*wanted, (DOMAIN, canonical(host).rpartition("@")[2])], now, TooManyMails)


def take_all(
    wanted: Sequence[tuple[Limit, str]], now: datetime, refusal: Callable[[datetime], ValidationError]
) -> None:
    """One of each, or none: raises what `refusal` makes of the moment at which the one that is used up opens."""
    for number, (limit, of) in enumerate(wanted):
        if until := limit.acquire(of, now):
            for earlier, whose in wanted[:number]:
                earlier.release(whose, now)
            raise refusal(until)


def _is_known(address: str) -> bool:
    is_contact = Contact.objects.filter(email_canonical=address).exists()
    return is_contact or User.objects.by_address(address) is not None
