"""The content of a feed: all expiries from ninety days ago on, the soonest first."""

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
from alertadmin.reminders.calendar import expiry_event, ical
from alertadmin.reminders.calendar.expiry_event import ExpiryEvent
from alertadmin.reminders.models import CalendarFeed

PAST = timedelta(days=90)
MAX_ENTRIES = 10_000
"""Maximum number of entries; later ones appear when earlier ones have passed."""
PIECE = 200
"""Entries per piece of output."""


@dataclass(frozen=True)
class FeedContent:
    """A feed's present content: read by a fixed number of queries, and serialised only on iteration."""

    name: str
    language: str
    ends: tuple[ExpiryEvent, ...]

    @property
    def etag(self) -> str:
        """Changes whenever the content does: a hash of its inputs, which is cheap compared to serialising them."""
        made_from = repr((__version__, settings.PUBLIC_URL, self))
        return f'"{hashlib.sha256(made_from.encode("utf-8", "backslashreplace")).hexdigest()[:32]}"'

    def __iter__(self) -> Iterator[bytes]:
        """Serialise each piece in the feed's language; the thread's language is unchanged in between."""
        pieces = ical.feed(self.name, self.ends)
        while True:
            with translation.override(self.language):
                piece = b"".join(islice(pieces, PIECE))
            if not piece:
                return
            yield piece


def content_of(feed: CalendarFeed, now: datetime) -> FeedContent:
    """What the owner may see now: nothing of a tenant to which they have lost access."""
    language = feed.owner.own_language or (feed.tenant.mail_language if feed.tenant else settings.LANGUAGE_CODE)
    with translation.override(language):
        name = title(feed)
    return FeedContent(name, language, tuple(_ends(feed, now)))


def title(feed: CalendarFeed) -> str:
    """In the active language."""
    return (
        _("Expiry dates of %(name)s") % {"name": quoted(str(feed.tenant))}
        if feed.tenant
        else _("Expiry dates of secrets and certificates")
    )


def _ends(feed: CalendarFeed, now: datetime) -> list[ExpiryEvent]:
    access = Access(feed.owner)
    credentials = access.visible(Credential.objects.watched()).filter(expires_at__gt=now - PAST)
    credentials = credentials.order_by("expires_at", "id")
    mailboxes = access.visible(Mailbox).order_by("address", "id")
    if feed.tenant_id:
        credentials, mailboxes = credentials.filter(app__tenant=feed.tenant), mailboxes.filter(tenant=feed.tenant)
    found = [*expiry_event.of_credentials(credentials[:MAX_ENTRIES])]
    found += (end for end in expiry_event.of_mailboxes(mailboxes) if end.ends_at > now - PAST)
    return sorted(found, key=lambda end: (end.ends_at, end.thing))[:MAX_ENTRIES]
