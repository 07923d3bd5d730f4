"""What is wrong, in plain words of the active language: which part, whose mailbox, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from alertadmin.monitoring.health_checks import Part, Problem
from alertadmin.outbox.models import Channel
from alertadmin.registry.models import Mailbox
from alertadmin.registry.safe_names import clean, quoted
from alertadmin.stored_messages import render_stored
from mailer.diagnosis import explain

NAMES: dict[Part, str | Promise] = {
    Part.DATABASE: gettext_lazy("Database"),
    Part.DISK: gettext_lazy("Disk"),
    Part.BROKER: gettext_lazy("Message queue"),
    Part.CLOCK: gettext_lazy("Clock"),
    Part.WORKER: gettext_lazy("Worker"),
    Part.SCAN: gettext_lazy("Expiry scan"),
    Part.DELIVERIES: gettext_lazy("Sending"),
    Part.ROUTES: gettext_lazy("Sending routes"),
    Part.KEYS: gettext_lazy("Keys of stored secrets"),
    Part.SETTINGS: gettext_lazy("Settings"),
}


@dataclass(frozen=True)
class DescribedProblem:
    """One problem for people. Moments are given apart: a page shows them in its reader's time zone."""

    problem: Problem
    text: str
    """One sentence or two: what is wrong, and what to do."""
    url: str = ""
    """Of the page where it can be mended."""

    @property
    def part(self) -> Part:
        return self.problem.part

    @property
    def name(self) -> str:
        return str(NAMES[self.part])

    @property
    def since(self) -> datetime | None:
        return self.problem.since

    @property
    def next_try(self) -> datetime | None:
        return self.problem.next_try


def describe(problems: Iterable[Problem]) -> list[DescribedProblem]:
    """At most one query for the mailboxes they name, and one for the channels."""
    found = list(problems)
    routes = _routes(found)
    return [_described(problem, routes.get(problem.subject)) for problem in found]


def _described(problem: Problem, route: Model | None) -> DescribedProblem:
    if problem.code == "route_failed":
        return _failed_route(problem, route)
    if problem.code == "row_left_out":
        return _row_left_out(problem)
    url = "" if problem.part is not Part.DELIVERIES else _deliveries_url(problem)
    if problem.code == "no_own_route":
        url = reverse("mailboxes")
    return DescribedProblem(problem, _text(problem), url)


def _text(problem: Problem) -> str:
    if problem.code == "keys_unusable":
        return " ".join((_("Stored secrets cannot be used."), render_stored(problem.detail)))
    if problem.code == "set_aside":
        return _("%(name)s was ignored: %(why)s") % {"name": problem.subject, "why": render_stored(problem.detail)}
    if problem.detail:
        return render_stored(problem.detail)
    if problem.code in _COUNTED:
        return _counted(problem)
    if problem.code == "no_own_route":
        return _no_own_route(problem)
    fixed = {
        "database_silent": _("The database does not answer."),
        "disk_full": _("The disk is full: nothing can be written, so nothing is sent. Free some space."),
        "broker_silent": _("The message queue does not answer: requested actions start up to 30 seconds later."),
        "scan_never": _("No expiry scan has run yet: reminders may be late."),
        "scan_old": _("No expiry scan has run for more than a day: reminders may be late."),
        "no_route": _("There is no route for reminders: no mailbox that can send, and no SMTP relay."),
        "worker_silent": _("The worker sends no heartbeat. Restart it and check its log."),
        "command_late": _("cron has not run “send_reminders” for more than 90 minutes. Check its log."),
        "worker_never": _(
            "No worker has run here. Start alertadmin with ./run, or let cron run “send_reminders” hourly."
        ),
    }
    text = fixed.get(problem.code, problem.code)
    return f"{text} {_due(problem.count)}" if problem.part is Part.WORKER and problem.count else text


def _due(count: int) -> str:
    text = ngettext("%(count)d message is due and waiting.", "%(count)d messages are due and waiting.", count)
    return text % {"count": count}


def _no_own_route(problem: Problem) -> str:
    text = _(
        "No mailbox is chosen for this installation, and there is no SMTP relay: invitations, password links "
        "and mails to its own recipients wait. An owner can choose a mailbox."
    )
    if not problem.count:
        return text
    reminders = ngettext(
        "The reminders of %(count)d tenant, which has no mailbox of its own, wait too.",
        "The reminders of %(count)d tenants, which have no mailbox of their own, wait too.",
        problem.count,
    ) % {"count": problem.count}
    return f"{text} {reminders}"


_COUNTED = ("in_doubt", "failing", "untried", "more_routes_failed", "more_rows_left_out")


def _counted(problem: Problem) -> str:
    count = problem.count
    texts = {
        "in_doubt": ngettext(
            "%(count)d message may not have been delivered: no clear answer came.",
            "%(count)d messages may not have been delivered: no clear answer came.",
            count,
        ),
        "failing": ngettext(
            "%(count)d message could not be sent and waits for the next attempt.",
            "%(count)d messages could not be sent and wait for the next attempt.",
            count,
        ),
        "untried": ngettext(
            "%(count)d message is due and is not being sent.",
            "%(count)d messages are due and are not being sent.",
            count,
        ),
        "more_rows_left_out": ngettext(
            "No reminder could be written for %(count)d more expiry either.",
            "No reminder could be written for %(count)d more expiries either.",
            count,
        ),
        "more_routes_failed": ngettext(
            "%(count)d more mailbox or channel failed at its last attempt.",
            "%(count)d more mailboxes or channels failed at their last attempt.",
            count,
        ),
    }
    text = texts[problem.code] % {"count": count}
    return f"{text} {_cause(problem)}".rstrip()


def _failed_route(problem: Problem, route: Model | None) -> DescribedProblem:
    if isinstance(route, Mailbox):
        names = {
            "address": route.address,
            "tenant": quoted(route.tenant.name),
            "transport": route.get_transport_display(),
        }
        text = _("Mailbox %(address)s of %(tenant)s (%(transport)s) failed at its last attempt.") % names
    elif isinstance(route, Channel):
        names = {"name": clean(route.name), "kind": route.label}
        text = _("Channel “%(name)s” (%(kind)s) failed at its last attempt.") % names
    elif problem.subject == "relay":
        text = _("The SMTP relay (ALERTADMIN_SMTP_URL) failed at its last attempt.")
    else:
        text = _("A mailbox or channel that has since been deleted had failed.")
    url = route.get_absolute_url() if isinstance(route, (Mailbox, Channel)) else ""
    return DescribedProblem(problem, f"{text} {_cause(problem)}".rstrip(), url)


def _row_left_out(problem: Problem) -> DescribedProblem:
    """What it is, as far as its row can be read."""
    label, _colon, key = problem.subject.partition(":")
    try:
        row = apps.get_model(label)._default_manager.filter(pk=key).first()
    except (LookupError, ValueError, ValidationError):
        row = None
    url = str(getattr(row, "get_absolute_url", str)())
    if row is None:
        return DescribedProblem(problem, _("No reminder could be written for a row that has since been deleted."))
    text = _("No reminder can be written for “%(name)s”. Open it and correct its dates.")
    return DescribedProblem(problem, text % {"name": clean(str(row))}, url)


def _cause(problem: Problem) -> str:
    if not problem.cause or problem.cause == "other":
        return ""
    return _("Cause: %(title)s.") % {"title": explain(problem.cause, translate=_).title.rstrip(".")}


def _deliveries_url(problem: Problem) -> str:
    state = {"in_doubt": "uncertain"}.get(problem.code, "open")
    return f"{reverse('deliveries')}?state={state}"


def _routes(problems: list[Problem]) -> dict[str, Model]:
    ids: dict[str, list[str]] = {"mailbox": [], "channel": []}
    for problem in problems:
        kind, _colon, key = problem.subject.partition(":")
        if problem.code == "route_failed" and kind in ids:
            ids[kind].append(key)
    found: dict[str, Model] = {}
    if ids["mailbox"]:
        mailboxes = Mailbox.objects.filter(pk__in=ids["mailbox"]).select_related("tenant")
        found |= {f"mailbox:{one.pk}": one for one in mailboxes.defer("password", "refresh_token")}
    if ids["channel"]:
        channels = Channel.objects.filter(pk__in=ids["channel"]).defer("address", "signing_key")
        found |= {f"channel:{one.pk}": one for one in channels}
    return found
