"""What a feed shows: each end from ninety days ago on, however far ahead, the soonest first."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from alertadmin import __version__
from alertadmin.accounts.access import Access
from alertadmin.registry.models import Credential, Mailbox
from alertadmin.registry.safe_names import quoted
from alertadmin.reminders.calendar import ical, queries
from alertadmin.reminders.calendar.expiry_event import End
from alertadmin.reminders.models import CalendarFeed

PAST = timedelta(days=90)
MOST = 10_000
"""What ends later than so many others comes in when those have passed."""
AT_ONCE = 200
"""Entries written in one piece."""


@dataclass(frozen=True)
class Shown:
    """A feed as it is now: read by a fixed number of queries, written only when its bytes are asked for."""

    name: str
    language: str
    ends: tuple[End, ...]

    @property
    def etag(self) -> str:
        """Another whenever its bytes are: made from what they are made of, which costs little beside writing them."""
        made_from = repr((__version__, settings.PUBLIC_URL, self))
        return f'"{hashlib.sha256(made_from.encode("utf-8", "backslashreplace")).hexdigest()[:32]}"'

    def __iter__(self) -> Iterator[bytes]:
        """Each piece in the feed's language; between two of them nothing is left behind in the thread."""
        pieces = ical.feed(self.name, self.ends)
        while True:
            with translation.override(self.language):
                piece = b"".join(islice(pieces, AT_ONCE))
            if not piece:
                return
            yield piece


def shown(feed: CalendarFeed, now: datetime) -> Shown:
    """What its owner may see at this moment: of a tenant that is theirs no more, nothing."""
    language = feed.owner.language or settings.LANGUAGE_CODE
    with translation.override(language):
        name = title(feed)
    return Shown(name, language, tuple(_ends(feed, now)))


def title(feed: CalendarFeed) -> str:
    """In the language that is active."""
    return (
        _("Ends of %(name)s") % {"name": quoted(str(feed.tenant))}
        if feed.tenant
        else _("Ends of secrets and certificates")
    )


def _ends(feed: CalendarFeed, now: datetime) -> list[End]:
    access = Access(feed.owner)
    credentials = access.visible(Credential.objects.watched()).filter(expires_at__gt=now - PAST)
    credentials = credentials.order_by("expires_at", "id")
    mailboxes = access.visible(Mailbox).order_by("address", "id")
    if feed.tenant_id:
        credentials, mailboxes = credentials.filter(app__tenant=feed.tenant), mailboxes.filter(tenant=feed.tenant)
    found = [*queries.of_credentials(credentials[:MOST])]
    found += (end for end in queries.of_mailboxes(mailboxes) if end.ends_at > now - PAST)
    return sorted(found, key=lambda end: (end.ends_at, end.thing))[:MOST]
