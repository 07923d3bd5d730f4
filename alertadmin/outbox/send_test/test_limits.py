"""Limits on test sends from pages, by user, tenant and destination, so that a session, stolen or misused, cannot flood
a mailbox. Tests started by a management command are not limited."""

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

PERIOD = timedelta(hours=1)


class TooManyTests(TooManyMails):
    """No further test is allowed now; the message says for how long."""

    def __init__(self, wait: timedelta, until: datetime) -> None:
        self.until = until
        minutes = max(1, ceil(wait.total_seconds() / 60))
        ValidationError.__init__(
            self,
            ngettext(
                "Nothing was sent: there were too many tests within an hour. Try again in one minute.",
                "Nothing was sent: there were too many tests within an hour. Try again in %(minutes)s minutes.",
                minutes,
            ),
            params={"minutes": minutes},
            code="too_many_tests",
        )


def count_test(by: User | AnonymousUser, tenant: UUID | None, destination: str, now: datetime) -> None:
    """Count one test. `destination` is an address, or the host of a channel; `tenant` is None for a channel of the
    installation.

    Raises TooManyTests. Each limit is one conditional statement of the database, so parallel requests cannot exceed it.
    """
    most = settings.TESTS_PER_HOUR
    # Users of a service provider test the mailboxes of many tenants with their own address: hence the domain's limit.
    wanted = (
        (Limit("tests by", most, PERIOD), str(by.pk)),
        (Limit("tests of", 2 * most, PERIOD), str(tenant)),
        (Limit("tests to", 4 * most, PERIOD), canonical(destination).rpartition("@")[2]),
    )
    take_all(wanted, now, lambda until: TooManyTests(until - now, until))
