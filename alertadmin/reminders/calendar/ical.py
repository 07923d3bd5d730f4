"""Expiries as iCalendar (RFC 5545, 7986), sent by mail per RFC 5546 and 6047.

The behaviour of calendar programs determines the form:
- An entry starts at an instant in UTC: every program supports it without a VTIMEZONE and displays it in local time. It
  lasts a quarter of an hour, since an entry without duration is drawn as a line, or not at all.
- An expiry that is known by its day only is an all-day entry (RFC 5545, 3.6.1): a DATE has no zone, so that the entry
  is on the same day in every calendar.
- It is free time (TRANSPARENT), and private: colleagues who see the calendar need not know its owner's customers.
- There is an alarm at each threshold, the earliest first: Outlook uses only one, as a reminder ([MS-OXCICAL], VALARM: 0
  or 1 instances; [MS-STANOICAL] V0059: with any ACTION). Google ignores alarms of a subscribed calendar, Apple asks
  whether to remove them.
- METHOD:PUBLISH requests no reply and has no attendees; a REQUEST would be an invitation, and replies to it would go to
  an unread mailbox. RFC 5546 requires an ORGANIZER (3.2.1), and a single UID in a CANCEL (3.2.5).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from icalendar import Alarm, Calendar, Event, vCalAddress, vDuration, vText

from alertadmin import __version__
from alertadmin.registry import safe_names
from alertadmin.reminders.calendar.expiry_event import ExpiryEvent
from alertadmin.stored_values import shifted
from mailer.message import Attachment

LENGTH = timedelta(minutes=15)
REFRESH = timedelta(hours=6)
"""Suggested interval for subscribers; programs use their own."""
COLOUR = "teal"
"""A CSS 3 colour name (RFC 7986, 5.9)."""
CONTENT_TYPE = "text/calendar"
FILE = "alertadmin.ics"
_END_OF_EVENT = b"END:VEVENT\r\n"
_END = b"END:VCALENDAR\r\n"


def attachment(name: str, method: str, content: bytes) -> Attachment:
    """Per RFC 6047, 2.4, the method is in the content type as well as in the content."""
    return Attachment(name, CONTENT_TYPE, content, (("charset", "utf-8"), ("method", method)))


def publish_method(ends: Iterable[ExpiryEvent], now: datetime) -> bytes:
    """A calendar to attach to a mail, with the future alarms."""
    return _whole(_calendar("PUBLISH"), (_event(end, now, _ahead(end, now)) for end in ends))


def cancelled(uid: str, start: datetime | date, sequence: int, title: str, now: datetime) -> bytes:
    """Withdraw an entry; `sequence` is higher than in any earlier version."""
    event = _event_of(uid, start, sequence, now, now)
    event.add("summary", without_controls(title))
    event.add("description", without_controls(_("No action needed: this entry is withdrawn.")))
    event.add("status", "CANCELLED")
    return _whole(_calendar("CANCEL"), [event.to_ical()])


def feed(name: str, ends: Iterable[ExpiryEvent]) -> Iterator[bytes]:
    """A calendar to subscribe to, in pieces. It does not depend on the time of the request.

    X-WR-CALNAME and X-PUBLISHED-TTL are read by Outlook ([MS-OXCICAL] 2.1.3.1.1.15 and 17); NAME and REFRESH-INTERVAL
    are their successors in RFC 7986.
    """
    calendar = _calendar("PUBLISH")
    # The library's `calendar_name` does not escape the text.
    calendar.add("name", vText(without_controls(name)))
    calendar.add("x-wr-calname", vText(without_controls(name)))
    calendar.color = COLOUR
    interval = vDuration(REFRESH)
    interval.params["VALUE"] = "DURATION"  # RFC 7986, 5.7: it has no default
    calendar.add("refresh-interval", interval)
    calendar.add("x-published-ttl", vDuration(REFRESH))
    yield calendar.to_ical().removesuffix(_END)
    for end in ends:
        yield _event(end, end.changed_at, end.plan.thresholds)
    yield _END


def _calendar(method: str) -> Calendar:
    calendar = Calendar()
    calendar.add("prodid", f"-//alertadmin//alertadmin {__version__}//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", method)
    return calendar


def _whole(calendar: Calendar, events: Iterable[bytes]) -> bytes:
    return b"".join([calendar.to_ical().removesuffix(_END), *events, _END])


def _event(end: ExpiryEvent, stamp: datetime, thresholds: tuple[int, ...]) -> bytes:
    written = _component(end, stamp).to_ical().removesuffix(_END_OF_EVENT)
    return b"".join([written, _alarms(thresholds, translation.get_language() or ""), _END_OF_EVENT])


def _component(end: ExpiryEvent, stamp: datetime) -> Event:
    event = _event_of(str(end.thing), end.day or end.ends_at, end.moves, end.changed_at, stamp)
    event.add("summary", without_controls(end.title))
    event.add("description", without_controls(end.explanation))
    event.add("url", end.url)
    event.add("categories", ["alertadmin", safe_names.clean(end.tenant_name)])
    return event


def _event_of(uid: str, start: datetime | date, sequence: int, changed_at: datetime, stamp: datetime) -> Event:
    """`start` is a date for an all-day entry."""
    event = Event()
    event.add("uid", uid)
    event.add("dtstamp", stamp)
    event.add("last-modified", changed_at)
    event.add("sequence", sequence)
    event.add("dtstart", start)
    event.add("dtend", shifted(start, LENGTH if isinstance(start, datetime) else timedelta(days=1)))
    event.add("transp", "TRANSPARENT")
    event.add("class", "PRIVATE")
    organizer = vCalAddress(f"mailto:alertadmin@{settings.MESSAGE_ID_DOMAIN}")
    organizer.params["CN"] = "alertadmin"
    event.add("organizer", organizer)
    return event


def _ahead(end: ExpiryEvent, now: datetime) -> tuple[int, ...]:
    return tuple(days for days in end.plan.thresholds if shifted(end.ends_at, -timedelta(days=days)) > now)


@lru_cache(maxsize=128)
def _alarms(thresholds: tuple[int, ...], language: str) -> bytes:
    """The alarms of a schedule, cached, since they are most of the output. `language` is the active one."""
    return b"".join(_alarm(days).to_ical() for days in sorted(thresholds, reverse=True))


def _alarm(days: int) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("trigger", -timedelta(days=days))
    words = ngettext("Expires in %(days)d day", "Expires in %(days)d days", days) % {"days": days}
    alarm.add("description", words if days else _("Expires now"))
    return alarm


def without_controls(text: str) -> str:
    """Without control characters, which RFC 5545 (3.3.11) forbids, and lone surrogates, which cannot be encoded."""
    lines = ("".join(map(_visible, line)) for line in text.splitlines())
    return "\n".join(lines)


def _visible(character: str) -> str:
    return " " if unicodedata.category(character) in ("Cc", "Cs") else character
