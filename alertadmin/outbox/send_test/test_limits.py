"""Test sends from pages are limited: by person, by tenant, and by where they go, so that nobody's session, stolen or
bored, makes a customer's mailbox a cannon. Whoever starts one by a command has the machine, and is not limited."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.utils.translation import ngettext

from alertadmin.accounts.models import User
from alertadmin.audit.throttle_counter import Limit
from alertadmin.outbox.mail_limits import TooManyMails, take_all
from mailer.email_address import canonical

WHILE = timedelta(hours=1)


class TooManyTests(TooManyMails):
    """No further test now; the message says for how long."""

    def __init__(self, wait: timedelta) -> None:
        minutes = max(1, ceil(wait.total_seconds() / 60))
        ValidationError.__init__(
            self,
            ngettext(
                "Nothing was sent: there were too many tests within an hour. Try again in a minute.",
                "Nothing was sent: there were too many tests within an hour. Try again in %(minutes)s minutes.",
                minutes,
            ),
            params={"minutes": minutes},
            code="too_many_tests",
        )


def take(by: User | AnonymousUser, tenant: UUID | None, goes_to: str, now: datetime) -> None:
    """`goes_to` is an address, or the host of a channel; `tenant` is None for a channel of the whole installation.

    Raises TooManyTests. Each is counted by one conditional statement of the database, so many at once win none.
    """
    most = settings.TESTS_PER_HOUR
    # A provider's people test many tenants' mailboxes with one address of their own: a domain takes more than a tenant.
    wanted = (
        (Limit("tests by", most, WHILE), str(by.pk)),
        (Limit("tests of", 2 * most, WHILE), str(tenant)),
        (Limit("tests to", 4 * most, WHILE), canonical(goes_to).rpartition("@")[2]),
    )
    take_all(wanted, now, lambda until: TooManyTests(until - now))
