"""At which moments before and after an end people are told, and from when the next in line is: a plan, as data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

EARLIEST = 3650
ESCALATE_TO_ALL_DAYS = 7
"""Days before the end from which everybody is told, whoever said that they are on it."""
MOST_THRESHOLDS = 20
HEAD_START = 30
"""Days by which the credential that sends the reminders is watched earlier than all others."""


@dataclass(frozen=True)
class ReminderSchedule:
    """`thresholds` are days before the end, 0 the end itself; then every `repeat` days for as long as it stays expired.

    From `escalate` days before the end on, the next in line is told too, unless somebody said that they are on it.
    As text (for the database to compare): "90,60,30,14,7,3,1,0/7/14".
    """

    thresholds: tuple[int, ...] = (90, 60, 30, 14, 7, 3, 1, 0)
    repeat: int = 7
    escalate: int = 14

    def __str__(self) -> str:
        return f"{','.join(map(str, self.thresholds))}/{self.repeat}/{self.escalate}"

    @classmethod
    def of(cls, text: str) -> Self:
        """What `str` made."""
        thresholds, repeat, escalate = text.split("/")
        return cls(tuple(map(int, thresholds.split(","))), int(repeat), int(escalate))

    def earlier(self) -> ReminderSchedule:
        """The same with one threshold before its first."""
        return ReminderSchedule((max(self.thresholds) + HEAD_START, *self.thresholds), self.repeat, self.escalate)

    def within(self, days: int) -> ReminderSchedule:
        """The same without what is more `days` before the end; with no day left, that day is one."""
        near = tuple(threshold for threshold in self.thresholds if threshold <= days)
        return ReminderSchedule(near or (days,), self.repeat, self.escalate)


def read_thresholds(text: str) -> tuple[int, ...]:
    """Days as people write them, "90, 60 30": each once, the earliest first. Raises ValidationError."""
    words = text.replace(",", " ").replace(";", " ").split()
    days: set[int] = set()
    for word in words:
        if not re.fullmatch(r"[0-9]{1,9}", word) or int(word) > EARLIEST:
            raise ValidationError(
                _("“%(word)s” is no number of days between 0 and %(most)d."),
                params={"word": word[:20], "most": EARLIEST},
            )
        days.add(int(word))
    if not days:
        raise ValidationError(_("Give at least one number of days, such as 30, 7, 0."))
    if len(days) > MOST_THRESHOLDS:
        raise ValidationError(_("More than %(most)d reminders are nagging."), params={"most": MOST_THRESHOLDS})
    return tuple(sorted(days, reverse=True))


DEFAULT = ReminderSchedule()
