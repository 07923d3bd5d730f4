"""Observations: the lines of a mail, the rows of reminder lines, the attempts of a delivery, the result of a scan."""

from __future__ import annotations

import email.policy
import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import pgettext

from alertadmin.outbox.models import Attempt, AttemptOutcome
from alertadmin.reminders.models import Reminder, ReminderLine
from alertadmin.reminders.scan import scanner
from tests.conftest import NOW

LINE = re.compile(r"^\* .+ / .+ / [“«]\s?(secret-\d+)\s?[”»]\n +.+: (\d.+) \((\S+)\)$", re.MULTILINE)
NUMBERS = re.compile(r"^(\d+)\D.*?\b(\d{4})\D+(\d+):(\d+)$")


def lines_of(mime: str) -> set[tuple[str, datetime]]:
    """The objects in a mail, each with its expiry."""
    message = email.message_from_string(mime, policy=email.policy.default)
    body = message.get_body(("plain",))
    assert body is not None
    text = body.get_content().replace("\r\n", "\n")
    return {
        (thing, written_moment(end).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC))
        for thing, end, zone in LINE.findall(text)
    }


def written_moment(text: str) -> datetime:
    """The moment that a mail wrote, in one of its languages."""
    numbers = NUMBERS.match(text)
    assert numbers, text
    day, year, hour, minute = map(int, numbers.groups())
    for language in ("en", "fr"):
        with translation.override(language):
            for month in range(1, 13):
                found = datetime(year, month, min(day, 28), hour, minute)  # noqa: DTZ001 (its zone is written behind)
                written = date_format(found, pgettext("date format", "j M Y, H:i"))
                if written.partition(" ")[2] == text.partition(" ")[2]:
                    return found.replace(day=day)
    raise AssertionError(text)


def notices() -> dict[tuple[str, datetime, int, str], datetime]:
    """Each notice with the moment at which its mail was to leave."""
    found = ReminderLine.objects.values_list(
        "reminder__credential__description",
        "reminder__expires_at",
        "reminder__threshold",
        "delivery__recipient",
        "delivery__not_before",
    )
    return {(thing, end, threshold, recipient): at for thing, end, threshold, recipient, at in found}


def explained_acceptances(message_id: str) -> int:
    """How often a message may have been accepted by what is on record: once, and once for each attempt in doubt.

    An attempt that was accepted, and is known to have been, must be the last: it explains no other.
    """
    of_message = Attempt.objects.filter(delivery__message_id=message_id)
    in_doubt = Q(outcome__in=[AttemptOutcome.OPEN, AttemptOutcome.UNKNOWN, AttemptOutcome.LOST])
    accepted = min(1, of_message.filter(outcome=AttemptOutcome.ACCEPTED).count())
    return max(1, of_message.filter(in_doubt).count() + accepted)


def told(at: datetime = NOW) -> dict[str, list[int]]:
    """Scan, and return the thresholds of which each recipient is notified."""
    made = scanner.run(at)
    lines = Reminder.objects.filter(scan=made, notices__isnull=False)
    found: dict[str, list[int]] = {}
    for recipient, threshold in lines.values_list("notices__delivery__recipient", "threshold"):
        found.setdefault(recipient, []).append(threshold)
    return found
