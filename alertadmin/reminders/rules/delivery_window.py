"""When within the day and the week a reminder may be sent: quiet hours, working days, digests. Pure functions.

A reminder is not delayed beyond its last useful moment: if it would be too late, it is sent at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from alertadmin.reminders.rules.schedule import ESCALATE_TO_ALL_DAYS

ALL_DAYS = frozenset(range(1, 8))
"""ISO weekdays: Monday is 1, Sunday 7."""
MAX_DAYS_AHEAD = 15
"""Days to look ahead; the form refuses a week without working days."""


class Digest(StrEnum):
    EACH = "each"
    DAILY = "daily"
    WEEKLY = "weekly"


@dataclass(frozen=True)
class Timing:
    """In the tenant's time zone. Quiet from `quiet_from` until `quiet_until`, over midnight if the first is later."""

    zone: ZoneInfo
    quiet_from: time | None = None
    quiet_until: time | None = None
    working_days: frozenset[int] = ALL_DAYS
    digest: Digest = Digest.EACH
    digest_at: time = time(8, 0)

    @property
    def is_always(self) -> bool:
        return self.quiet_from is None and self.working_days == ALL_DAYS and self.digest == Digest.EACH


def send_at(timing: Timing, now: datetime, threshold: int, next_due: datetime, expires_at: datetime) -> datetime:
    """When a reminder that is due at `now` is sent; `next_due` is when the next reminder is due.

    From a week before the expiry, nothing waits for a digest; a credential that has just expired waits for nothing.
    """
    if threshold > ESCALATE_TO_ALL_DAYS:
        in_digest = _allowed(timing, _digest_slot(timing, now))
        if in_digest < _latest_useful_time(now, next_due, expires_at):
            return in_digest
    return earliest_send_at(timing, now, threshold, next_due, expires_at)


def earliest_send_at(
    timing: Timing, now: datetime, threshold: int, next_due: datetime, expires_at: datetime
) -> datetime:
    """When a reminder that does not wait for a digest, or was delayed by a server, may be sent: `now` or later."""
    if timing.is_always or threshold == 0:
        return now
    allowed = _allowed(timing, now)
    return allowed if allowed < _latest_useful_time(now, next_due, expires_at) else now


def _latest_useful_time(now: datetime, next_due: datetime, expires_at: datetime) -> datetime:
    """The moment after which the next reminder replaces it, or the credential has expired."""
    return min(next_due, expires_at) if expires_at > now else next_due


def _digest_slot(timing: Timing, now: datetime) -> datetime:
    """The next digest; weekly ones are sent on the first working day of the week."""
    if timing.digest == Digest.EACH:
        return now
    local = now.astimezone(timing.zone)
    for ahead in range(MAX_DAYS_AHEAD):
        day = local.date() + timedelta(days=ahead)
        slot = datetime.combine(day, timing.digest_at, timing.zone)
        fits = timing.digest == Digest.DAILY or day.isoweekday() == min(timing.working_days)
        # When clocks are set back a time occurs twice: the first counts. Compared in UTC, since datetimes of one zone
        # are compared by local time.
        if slot.astimezone(UTC) >= now and fits and day.isoweekday() in timing.working_days:
            return slot.astimezone(now.tzinfo)
    return now


def _allowed(timing: Timing, earliest: datetime) -> datetime:
    """The first moment from `earliest` on that is neither in quiet hours nor on a day off."""
    moment = earliest.astimezone(timing.zone)
    for _day in range(MAX_DAYS_AHEAD):
        if moment.isoweekday() not in timing.working_days:
            moment = datetime.combine(moment.date() + timedelta(days=1), time(), timing.zone)
        elif (quiet_end := _quiet_hours_end(timing, moment)) is not None:
            moment = quiet_end
        else:
            break
    return moment.astimezone(earliest.tzinfo)


def _quiet_hours_end(timing: Timing, moment: datetime) -> datetime | None:
    """When the quiet hours that contain `moment` are over; None if it is in none."""
    start, end = timing.quiet_from, timing.quiet_until
    if start is None or end is None or start == end:
        return None
    clock = moment.time().replace(tzinfo=None)
    over_midnight = start > end
    quiet = (clock >= start or clock < end) if over_midnight else start <= clock < end
    if not quiet:
        return None
    day = moment.date() + timedelta(days=1) if over_midnight and clock >= start else moment.date()
    over_at = datetime.combine(day, end, timing.zone)
    # In an hour that occurs twice, the second time.
    return over_at if over_at.astimezone(UTC) > moment.astimezone(UTC) else over_at.replace(fold=1)
