"""The upcoming reminders of a credential, when and to which level they are sent: the same pure rules, applied ahead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from alertadmin.registry.models import Credential
from alertadmin.reminders import policies, snoozes
from alertadmin.reminders.models import SnoozeKind
from alertadmin.reminders.rules import delivery_window, schedule
from alertadmin.reminders.rules.delivery_window import Timing
from alertadmin.reminders.rules.schedule import DEFAULT, ESCALATE_TO_ALL_DAYS, ReminderSchedule
from alertadmin.reminders.scan.sources import credentials
from alertadmin.stored_values import shifted

SHOWN_WHILE_EXPIRED = 3


@dataclass(frozen=True)
class UpcomingReminder:
    """A reminder that is due at `at` and sent at `sent_at`; `threshold` is days before the expiry, or after it."""

    threshold: int
    at: datetime
    sent_at: datetime
    is_escalated: bool
    is_snoozed: bool = False
    """It is due while the credential is snoozed; the nearest one is sent when that is over."""

    @property
    def is_for_all_recipients(self) -> bool:
        return self.threshold <= ESCALATE_TO_ALL_DAYS

    @property
    def days_after(self) -> int:
        return -self.threshold

    @property
    def is_delayed(self) -> bool:
        return self.sent_at > self.at


@dataclass(frozen=True)
class SnoozePeriod:
    """A snooze, as the rules see it: no reminders before `until`; an acknowledgement does not cover the last week."""

    until: datetime
    is_acknowledged: bool = False

    def covers(self, moment: datetime, threshold: int) -> bool:
        if self.is_acknowledged and threshold <= ESCALATE_TO_ALL_DAYS:
            return False
        return moment < self.until


def upcoming(
    expires_at: datetime,
    now: datetime,
    plan: ReminderSchedule = DEFAULT,
    times: Timing | None = None,
    snooze_periods: tuple[SnoozePeriod, ...] = (),
    unanswered: bool = False,
) -> list[UpcomingReminder]:
    """The upcoming thresholds, the next first; after the last of them some repetitions while it remains expired.
    `unanswered`: a reminder of this expiry was sent and not acknowledged, so that the escalation level may be
    notified."""
    found = []
    for threshold, at in _upcoming_thresholds(expires_at, now, plan):
        sent_at = at
        if times is not None:
            sent_at = delivery_window.send_at(
                times, at, threshold, schedule.next_cutoff(expires_at, threshold, plan), expires_at
            )
        escalated = schedule.is_escalated(threshold, plan, unanswered=unanswered)
        snoozed = any(period.covers(at, threshold) for period in snooze_periods)
        found.append(UpcomingReminder(threshold, at, sent_at, escalated, snoozed))
        unanswered = unanswered or not snoozed
    return found


def for_credential(credential: Credential, now: datetime) -> list[UpcomingReminder]:
    """The upcoming reminders of a stored credential, under its effective policy."""
    policy = policies.effective_policy(credential.app.tenant, credential.app)
    snooze_periods = tuple(
        SnoozePeriod(snooze.until, snooze.kind == SnoozeKind.ACKNOWLEDGED)
        for snooze in snoozes.active_for(credential, now)
    )
    unanswered = credentials.unanswered(credential.reminders.filter(expires_at=credential.expires_at)).exists()
    return upcoming(credential.expires_at, now, policy.plan, policy.timing, snooze_periods, unanswered)


def _upcoming_thresholds(expires_at: datetime, now: datetime, plan: ReminderSchedule) -> list[tuple[int, datetime]]:
    """The upcoming thresholds; if there are none, the next repetitions, as long as the rule repeats."""
    ahead = [(days, shifted(expires_at, -timedelta(days=days))) for days in sorted(plan.thresholds, reverse=True)]
    ahead = [(days, at) for days, at in ahead if at > now]
    if ahead:
        return ahead
    times = max(0, (now - expires_at) // timedelta(days=plan.repeat))
    last = schedule.MAX_REPEAT_PERIOD // timedelta(days=plan.repeat)
    later = range(times + 1, min(times + SHOWN_WHILE_EXPIRED, last) + 1)
    return [(-plan.repeat * time, shifted(expires_at, timedelta(days=plan.repeat * time))) for time in later]
