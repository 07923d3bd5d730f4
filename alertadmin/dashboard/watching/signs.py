"""The signs of life, each with its state: what was done last, and what is wrong with it if anything is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from alertadmin.dashboard.looks import BAD, DOUBTFUL, GOOD, OVER, Look
from alertadmin.outbox.models import Attempt, AttemptOutcome
from alertadmin.registry import key_use
from alertadmin.reminders import scan
from alertadmin.retelling import retold
from alertadmin.watching import broker, ping
from alertadmin.watching.troubles import standing, troubles

NAMES: dict[str, str | Promise] = {
    "scan": gettext_lazy("Looking for what ends"),
    "deliveries": gettext_lazy("Sending"),
    "ways": gettext_lazy("Ways to send"),
    "keys": gettext_lazy("Keys of stored secrets"),
    "clock": gettext_lazy("Clock"),
}


@dataclass(frozen=True)
class Sign:
    name: str
    look: Look
    state: str
    detail: str = ""
    at: datetime | None = None
    """When it last was well."""


def signs(now: datetime) -> list[Sign]:
    wrong: dict[str, list[str]] = {}
    for trouble in troubles(now):
        wrong.setdefault(trouble.part, []).append(trouble.text)
    last = scan.last_finished()
    at = {"scan": last.finished_at if last else None, "deliveries": _last_accepted()}
    details = {"scan": _("Once an hour."), "deliveries": _waiting(now), "keys": _keys()}
    found = [
        Sign(
            str(name),
            BAD if part in wrong else GOOD,
            _("not well") if part in wrong else _("well"),
            " ".join(wrong.get(part, [details.get(part, "")])),
            at.get(part),
        )
        for part, name in NAMES.items()
    ]
    return [*found, _broker(), _ping(bool(wrong))]


def _last_accepted() -> datetime | None:
    accepted = Attempt.objects.filter(outcome=AttemptOutcome.ACCEPTED).order_by("-pk")
    return accepted.values_list("finished_at", flat=True).first()


def _waiting(now: datetime) -> str:
    count = standing(now).waiting
    if not count:
        return _("Nothing waits.")
    return ngettext("%(count)d message waits.", "%(count)d messages wait.", count) % {"count": count}


def _keys() -> str:
    """How many secrets each key seals."""
    counted = key_use.counts()
    told = [
        ngettext("%(key)s: %(count)d secret", "%(key)s: %(count)d secrets", count)
        % {"key": key_id or "?", "count": count}
        for key_id, count in sorted(counted.items())
    ]
    return "; ".join(told) if told else _("No secret is stored.")


def _broker() -> Sign:
    name = _("Broker")
    if broker.answers():
        return Sign(name, GOOD, _("well"))
    detail = _("What is asked for starts up to half a minute later. Without Celery, cron does its work.")
    return Sign(name, BAD, _("not well"), detail)


def _ping(something_is_wrong: bool) -> Sign:
    name = _("Ping to whoever watches from outside")
    if not settings.PINGS:
        return Sign(name, OVER, _("not set up"), _("Nobody outside hears of it if this machine stops."))
    last = ping.last()
    at = last.answered_at if last else None
    if something_is_wrong:
        return Sign(name, BAD, _("held back"), _("It goes on when all of the above is well."), at)
    if last is None:
        return Sign(name, DOUBTFUL, _("not yet sent"), _("Within five minutes of the start."))
    if last.trouble:
        return Sign(name, DOUBTFUL, _("not heard"), retold(last.trouble), at)
    return Sign(name, GOOD, _("heard"), "", at)
