"""Components of the system status, each with its last success and its problems."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alertadmin.crypto import key_usage
from alertadmin.dashboard.ui.badges import BAD, DOUBTFUL, GOOD, OVER, Badge
from alertadmin.monitoring import health_facts, health_report, heartbeat_ping
from alertadmin.monitoring.health_checks import Part
from alertadmin.monitoring.health_messages import NAMES, DescribedProblem, describe
from alertadmin.monitoring.models import Heartbeat
from alertadmin.outbox.models import Attempt, AttemptOutcome
from alertadmin.stored_messages import render_stored


@dataclass(frozen=True)
class StatusItem:
    name: str
    badge: Badge
    state: str
    detail: str = ""
    at: datetime | None = None
    """Time of the last success."""
    problems: tuple[DescribedProblem, ...] = ()


def status_items(now: datetime) -> list[StatusItem]:
    """Evaluate all components now, without the cached report."""
    found = health_report.check(now)
    wrong: dict[Part, list[DescribedProblem]] = {}
    for described in describe(found.problems):
        wrong.setdefault(described.part, []).append(described)
    at = {Part.SCAN: health_facts.last_scan(), Part.DELIVERIES: _last_accepted(), Part.WORKER: _last_beat()}
    details = {
        Part.WORKER: _("A heartbeat every 15 seconds; or cron, which runs “send_reminders” each hour."),
        Part.SCAN: _("Once an hour."),
        Part.DELIVERIES: _waiting(now),
        Part.ROUTES: _("Each mailbox, channel and relay, by the result of its last attempt."),
        Part.KEYS: _keys(),
    }
    rows = [_sign(part, wrong.get(part, []), details.get(part, ""), at.get(part)) for part in Part]
    return [*rows, _ping(not found.is_well)]


def _sign(part: Part, wrong: list[DescribedProblem], detail: str, at: datetime | None) -> StatusItem:
    if wrong:
        return StatusItem(str(NAMES[part]), BAD, _("problem"), "", at, tuple(wrong))
    return StatusItem(str(NAMES[part]), GOOD, _("OK"), detail, at)


def _last_beat() -> datetime | None:
    return max(Heartbeat.times().values(), default=None)


def _last_accepted() -> datetime | None:
    accepted = Attempt.objects.filter(outcome=AttemptOutcome.ACCEPTED).order_by("-pk")
    return accepted.values_list("finished_at", flat=True).first()


def _waiting(now: datetime) -> str:
    count = health_facts.queue(now).waiting
    if not count:
        return _("Nothing is waiting.")
    return ngettext("%(count)d message is waiting.", "%(count)d messages are waiting.", count) % {"count": count}


def _keys() -> str:
    """Number of secrets by encryption key."""
    counted = key_usage.counts()
    described = [
        ngettext("%(key)s: %(count)d secret", "%(key)s: %(count)d secrets", count)
        % {"key": key_id or "?", "count": count}
        for key_id, count in sorted(counted.items())
    ]
    return "; ".join(described) if described else _("No secret is stored.")


def _ping(something_is_wrong: bool) -> StatusItem:
    name = _("Ping to an outside monitor")
    if not settings.PINGS:
        return StatusItem(name, OVER, _("not set up"), _("Nothing outside notices if this machine stops."))
    last = heartbeat_ping.last()
    at = last.answered_at if last else None
    if something_is_wrong:
        return StatusItem(name, BAD, _("withheld"), _("It resumes when all of the above is OK."), at)
    if last is None:
        return StatusItem(name, DOUBTFUL, _("not sent yet"), _("Within five minutes after the start."))
    if last.trouble:
        return StatusItem(name, DOUBTFUL, _("not received"), render_stored(last.trouble), at)
    return StatusItem(name, GOOD, _("received"), "", at)
