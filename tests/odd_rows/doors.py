"""Everything that shows, sends or computes from rows: pages, feeds, mails, scans, tasks and commands."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alertadmin.accounts.models import User
from alertadmin.monitoring import system_mails, worker_heartbeat
from alertadmin.monitoring import tasks as monitoring_tasks
from alertadmin.outbox import worker
from alertadmin.outbox.mails import composers
from alertadmin.outbox.models import Delivery
from alertadmin.registry import tasks as registry_tasks
from alertadmin.registry.models import Contact
from alertadmin.reminders import retention
from alertadmin.reminders.calendar import feeds
from alertadmin.reminders.models import CalendarFeed, Reminder, Scan
from alertadmin.reminders.scan import scanner
from tests.helpers.login import signed_in_at
from tests.operator_log.lines import logged
from tests.security.route_matrix import routes
from tests.security.walker import ENDS, text_of

IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
COMMANDS: dict[str, list[str]] = {
    **{name: [] for name in ("check_consent", "keep_sign_ins", "prune", "verify_audit", "rotate_keys")},
    "keys": ["list"],
    "follow_url": ["global", "--from", "https://old.example"],
}
"""Those that read rows; the others send by threads, start processes, or are asked by tasks here."""

Seen = frozenset[str]
"""Ids of the rows that were shown, and facts with a space in them."""


class Failed(AssertionError):
    pass


@dataclass(frozen=True)
class Door:
    name: str
    ask: Callable[[], Seen]
    """Raises if anything fails."""


def all_doors(owner: User, keys: dict[str, list[object]]) -> list[Door]:
    """`keys` are the ids of the rows whose pages are asked, by model name."""
    return [*_pages(owner, keys), *_feeds(), *_mails(), *_tasks(), *_commands()]


def _ids(text: str) -> Seen:
    return frozenset(IDS.findall(text))


def _pages(owner: User, keys: dict[str, list[object]]) -> Iterator[Door]:
    for route in routes():
        if route.name in ENDS:
            continue
        if route.has_row:
            for key in keys.get(route.model, []):
                yield Door(f"page {route.name} {key}", partial(_page, owner, route.address(key)))
        elif not route.converters:
            yield Door(f"page {route.name}", partial(_page, owner, reverse(route.name)))


def _page(owner: User, url: str) -> Seen:
    response = signed_in_at(Client(), owner).get(url)
    if response.status_code >= 500 and url != reverse("readyz"):
        raise Failed(response.status_code)
    return _ids(text_of(response)) | {f"status {response.status_code}"}


def _feeds() -> Iterator[Door]:
    for key in CalendarFeed.objects.values_list("pk", flat=True):
        yield Door(f"feed {key}", partial(_feed, key))


def _feed(key: Any) -> Seen:
    found = CalendarFeed.objects.select_related("owner", "tenant").get(pk=key)
    return _ids(b"".join(feeds.content_of(found, timezone.now())).decode())


def _mails() -> Iterator[Door]:
    for delivery in Delivery.objects.order_by("pk"):
        yield Door(f"compose {delivery.purpose} {delivery.pk}", partial(_composed, delivery.pk))
        yield Door(f"deliver {delivery.purpose} {delivery.pk}", partial(_deliver, delivery.pk))


def _composed(key: Any) -> Seen:
    return _ids(str(composers.compose(Delivery.objects.get(pk=key), timezone.now())))


def _deliver(key: Any) -> Seen:
    with logged() as lines:
        worker.deliver_due(only=key)
    if raised := [line for line in lines.text if " raised " in line]:
        raise Failed(raised[0])
    return frozenset()


def _tasks() -> Iterator[Door]:
    for days in (0, 14, 30, 300):
        yield Door(f"scan {days}", partial(_scan, timedelta(days=days)))
    tasks: dict[str, Callable[[], Any]] = {
        "watch": monitoring_tasks.watch,
        "check consents": registry_tasks.check_consents,
        "keep sign-ins": registry_tasks.keep_sign_ins,
        "continue imports": registry_tasks.continue_imports,
        "retention": lambda: retention.prune(timezone.now() + timedelta(days=100)),
        "heartbeat": worker_heartbeat.beat,
        "monthly mail": lambda: system_mails.write(timezone.now() + timedelta(days=40)),
    }
    for name, task in tasks.items():
        yield Door(name, partial(_run, task))


def _run(task: Callable[[], Any]) -> Seen:
    task()
    return frozenset()


def _scan(later: timedelta) -> Seen:
    """The reminders, and the lines and mails for the customer whose rows are as they should be."""
    now = timezone.now() + later
    scan = scanner.run(now)
    return frozenset(_of_scan(scan, now))


def _of_scan(scan: Scan, now: Any) -> Iterator[str]:
    for name in ("credential", "mailbox", "consent_change"):
        keys = Reminder.objects.filter(scan=scan).exclude(**{name: None}).values_list(name, flat=True)
        yield from (f"reminder of {key}" for key in keys)
    customers = Contact.objects.filter(tenant__name="Northpark").values("email_canonical")
    for delivery in Delivery.objects.filter(notices__reminder__scan=scan, recipient__in=customers).distinct():
        composed = composers.compose(delivery, now + timedelta(hours=2))
        if isinstance(composed, composers.Content):
            yield from (f"mail of {one}" for one in _ids(composed.text))


def _commands() -> Iterator[Door]:
    for name, arguments in COMMANDS.items():
        yield Door(f"command {name}", partial(_command, name, arguments))


def _command(name: str, arguments: list[str]) -> Seen:
    out = io.StringIO()
    try:
        call_command(name, *arguments, "--json", stdout=out)
    except SystemExit:
        if "The database cannot be used" in out.getvalue():
            raise Failed(out.getvalue()) from None
    return _ids(out.getvalue())
