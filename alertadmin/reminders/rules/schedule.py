"""The times before and after an expiry at which reminders are sent, and from when on they escalate: a schedule, as
data. The scan evaluates it in SQL (`thresholds`); tests/reminders/rules/reference_rule.py is the same rule in Python.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from alertadmin.stored_values import shifted

MAX_DAYS = 3650
ESCALATE_TO_ALL_DAYS = 7
"""Days before the expiry from which all recipients are notified, acknowledged or not."""
MAX_THRESHOLDS = 20
HEAD_START = 30
"""Days by which the first reminder is earlier for the credential that sends the reminders."""


@dataclass(frozen=True)
class ReminderSchedule:
    """`thresholds` are days before the expiry, 0 the day itself; then every `repeat` days while it remains expired.

    From `escalate` days before the expiry on, the escalation level is notified too, if a reminder was sent and nothing
    was acknowledged; in the last week always. As text (for the database to compare): "90,60,30,14,7,3,1,0/7/14".
    """

    thresholds: tuple[int, ...] = (90, 60, 30, 14, 7, 3, 1, 0)
    repeat: int = 7
    escalate: int = 14

    def __str__(self) -> str:
        return f"{','.join(map(str, self.thresholds))}/{self.repeat}/{self.escalate}"

    @classmethod
    def of(cls, text: str) -> Self:
        """The inverse of `str`."""
        thresholds, repeat, escalate = text.split("/")
        return cls(tuple(map(int, thresholds.split(","))), int(repeat), int(escalate))

    def earlier(self) -> ReminderSchedule:
        """A copy with one more threshold, before the first."""
        return ReminderSchedule((max(self.thresholds) + HEAD_START, *self.thresholds), self.repeat, self.escalate)


def read_thresholds(text: str) -> tuple[int, ...]:
    """Parse days as users write them, "90, 60 30": each once, the largest first. Raises ValidationError."""
    words = text.replace(",", " ").replace(";", " ").split()
    days: set[int] = set()
    for word in words:
        if not re.fullmatch(r"[0-9]{1,9}", word) or int(word) > MAX_DAYS:
            raise ValidationError(
                _("“%(word)s” is not a number of days between 0 and %(most)d."),
                params={"word": word[:20], "most": MAX_DAYS},
            )
        days.add(int(word))
    if not days:
        raise ValidationError(_("Give at least one number of days, such as 30, 7, 0."))
    if len(days) > MAX_THRESHOLDS:
        raise ValidationError(_("Enter at most %(most)d days."), params={"most": MAX_THRESHOLDS})
    return tuple(sorted(days, reverse=True))


DEFAULT = ReminderSchedule()
DEFAULT_TEXT = str(DEFAULT)
DAY = timedelta(days=1)
MAX_REPEAT_PERIOD = timedelta(days=3653)
"""Ten years after the expiry the reminders stop."""


def days_left(expires_at: datetime, now: datetime) -> int:
    """Whole days until the expiry, rounded up; negative after it. A threshold is reached once this is at most the
    threshold."""
    return -((now - expires_at) // DAY)


def next_cutoff(expires_at: datetime, threshold: int, plan: ReminderSchedule = DEFAULT) -> datetime:
    """When the next reminder after this one is due."""
    nearer = [days for days in plan.thresholds if days < threshold]
    following = max(nearer) if nearer else threshold - plan.repeat if threshold <= 0 else -plan.repeat
    return shifted(expires_at, -timedelta(days=following))


def is_escalated(threshold: int, plan: ReminderSchedule, *, unanswered: bool) -> bool:
    """Whether the escalation level is notified too; `unanswered`: a reminder was sent and not acknowledged."""
    return threshold <= ESCALATE_TO_ALL_DAYS or (threshold <= plan.escalate and unanswered)
