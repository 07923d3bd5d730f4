"""All problems are determined here: for `/readyz`, the pages, the ping, the mails and `send_reminders`.

    facts (health_facts)  ──judge──>  problems  ──describe (health_messages)──>  a sentence
                                         │
                                         └──stored in a row by the worker (health_report), for public requests and pages

`judge` is a pure function of the facts and their time. A part is healthy if no problem refers to it.

    database    it does not answer
    disk        the data folder's disk is full, or the broker reports that it cannot write
    broker      it does not answer; not checked where no worker runs (cron only)
    clock       the time is before this program was made
    worker      no heartbeat within two minutes; with cron, no `send_reminders` within 90 minutes
    scan        none within 26 hours, or by a clock that is days off; the last one could not remind of a row
    deliveries  one is uncertain; one failed and waits for its next try; one is due and is not tried
    ways        there is no route; the installation has none of its own; one failed when it was last tried
    keys        the keyring cannot be read, or lacks a key that encrypts a stored secret
    settings    one cannot be used, and was ignored

Not a problem: a delivery that waits for its time (a digest, quiet hours), for a rate limit (30 a minute and mailbox),
for a server that asked to wait, or for a user's review.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from alertadmin.monitoring.setting_checks import BadSetting
from alertadmin.outbox.delivery.route_health import FailedRoute
from alertadmin.reminders.scan.scanner import STALE_AFTER

HEARTBEAT_AFTER = timedelta(minutes=2)
"""A worker writes a heartbeat every 15 seconds, even while it is busy."""
COMMAND_AFTER = timedelta(minutes=90)
"""cron runs the command every hour."""
WORKER_EXPECTED = timedelta(days=1)
"""A worker seen within the last day is expected to run; after that `send_reminders` counts instead."""
TRIED_AFTER = timedelta(minutes=5)
"""With a worker, a due delivery is tried sooner."""


MAX_ROWS_NAMED = 5


class Part(StrEnum):
    """The names in `/readyz`, in its order."""

    DATABASE = "database"
    DISK = "disk"
    BROKER = "broker"
    CLOCK = "clock"
    WORKER = "worker"
    SCAN = "scan"
    DELIVERIES = "deliveries"
    ROUTES = "ways"
    KEYS = "keys"
    SETTINGS = "settings"


@dataclass(frozen=True)
class Problem:
    """A problem of one part; `code` selects its text (health_messages)."""

    part: Part
    code: str
    count: int = 0
    since: datetime | None = None
    next_try: datetime | None = None
    cause: str = ""
    """A slug of `mailer.diagnosis`."""
    subject: str = ""
    """"mailbox:ID", "channel:ID", "relay" or "registry.credential:ID" (names are looked up for display), or the name
    of a setting."""
    detail: str = ""
    """A stored text (see stored_messages)."""


class Broker(StrEnum):
    ANSWERS = "answers"
    CANNOT_WRITE = "cannot_write"
    SILENT = "silent"


class Runner(StrEnum):
    """The process that sends."""

    WORKER = "worker"
    COMMAND = "command"
    """`send_reminders`, from cron."""
    NONE = "none"


@dataclass(frozen=True)
class Group:
    """Deliveries with the same problem, without test sends."""

    count: int = 0
    since: datetime | None = None
    """When the first of them was created."""
    next_try: datetime | None = None
    cause: str = ""
    """Cause of the most urgent one."""


@dataclass(frozen=True)
class Queue:
    """The open deliveries, without test sends."""

    waiting: int = 0
    due: int = 0
    """Number of those that are due."""
    held: int = 0
    """Number of those held for review (reminders.restore.review)."""
    in_doubt: Group = Group()
    failing: Group = Group()
    """Failed, or without a route: they wait for the next try."""
    untried: Group = Group()
    """Due for longer than `runner` should take, while none is being tried."""


@dataclass(frozen=True)
class Facts:
    now: datetime
    clock_error: str = ""
    worker_beat: datetime | None = None
    command_run: datetime | None = None
    """The last complete run of `send_reminders`."""
    last_scan: datetime | None = None
    broker: Broker = Broker.ANSWERS
    disk_is_full: bool = False
    queue: Queue = Queue()
    has_route: bool = True
    lacks_own_route: bool = False
    """There are several tenants, but no mailbox was chosen for the installation, and there is no relay."""
    tenants_without_route: int = 0
    """Number of tenants that have no usable mailbox of their own either."""
    is_watching: bool = False
    """Whether there is anything that can have reminders."""
    failed_routes: tuple[FailedRoute, ...] = ()
    failed_count: int = 0
    """Total number; `failed_routes` contains the first ones."""
    key_error: str = ""
    bad_settings: tuple[BadSetting, ...] = ()
    left_out: tuple[str, ...] = ()
    """Rows that the last scan could not remind of, as `registry.credential:ID`."""


def judge(facts: Facts) -> list[Problem]:
    """The problems, in the order of Part."""
    problems = [
        *_disk_and_broker(facts),
        *clock_and_worker(facts),
        *_scan(facts),
        *deliveries(facts.queue),
        *_routes(facts),
        *_keys_and_settings(facts),
    ]
    return sorted(problems, key=lambda problem: list(Part).index(problem.part))


def runner(worker_beat: datetime | None, command_run: datetime | None, now: datetime) -> Runner:
    """The process that sends, if it is alive."""
    if _is_near(worker_beat, now, HEARTBEAT_AFTER):
        return Runner.WORKER
    if not _is_near(worker_beat, now, WORKER_EXPECTED) and _is_near(command_run, now, COMMAND_AFTER):
        return Runner.COMMAND
    return Runner.NONE


def clock_and_worker(facts: Facts) -> Iterator[Problem]:
    if facts.clock_error:
        yield Problem(Part.CLOCK, "clock_wrong", detail=facts.clock_error)
    if runner(facts.worker_beat, facts.command_run, facts.now) is not Runner.NONE:
        return
    beat, run, due = facts.worker_beat, facts.command_run, facts.queue.due
    if beat and (_is_near(beat, facts.now, WORKER_EXPECTED) or run is None or beat > run):
        yield Problem(Part.WORKER, "worker_silent", due, since=beat)
    elif run:
        yield Problem(Part.WORKER, "command_late", due, since=run)
    else:
        yield Problem(Part.WORKER, "worker_never", due)


def deliveries(queue: Queue) -> Iterator[Problem]:
    groups = {"in_doubt": queue.in_doubt, "failing": queue.failing, "untried": queue.untried}
    for code, group in groups.items():
        if group.count:
            yield Problem(Part.DELIVERIES, code, group.count, group.since, group.next_try, group.cause)


def _disk_and_broker(facts: Facts) -> Iterator[Problem]:
    """A full disk stops the broker too: then the disk is reported, since it is the cause."""
    if facts.disk_is_full or facts.broker is Broker.CANNOT_WRITE:
        yield Problem(Part.DISK, "disk_full")
    elif facts.broker is Broker.SILENT and runner(facts.worker_beat, facts.command_run, facts.now) != Runner.COMMAND:
        yield Problem(Part.BROKER, "broker_silent")


def _scan(facts: Facts) -> Iterator[Problem]:
    if facts.last_scan is None:
        yield Problem(Part.SCAN, "scan_never")
    elif not _is_near(facts.last_scan, facts.now, STALE_AFTER):
        yield Problem(Part.SCAN, "scan_old", since=facts.last_scan)
    for row in facts.left_out[:MAX_ROWS_NAMED]:
        yield Problem(Part.SCAN, "row_left_out", subject=row)
    if more := len(facts.left_out[MAX_ROWS_NAMED:]):
        yield Problem(Part.SCAN, "more_rows_left_out", more)


def _routes(facts: Facts) -> Iterator[Problem]:
    next_try = facts.queue.failing.next_try or facts.queue.in_doubt.next_try
    if facts.is_watching and not facts.has_route:
        yield Problem(Part.ROUTES, "no_route")
    elif facts.is_watching and facts.lacks_own_route:
        yield Problem(Part.ROUTES, "no_own_route", facts.tenants_without_route)
    for failed in facts.failed_routes:
        subject = f"{failed.kind}:{failed.id}" if failed.id else failed.kind
        yield Problem(
            Part.ROUTES, "route_failed", since=failed.since, next_try=next_try, cause=failed.cause, subject=subject
        )
    if more := facts.failed_count - len(facts.failed_routes):
        yield Problem(Part.ROUTES, "more_routes_failed", more)


def _keys_and_settings(facts: Facts) -> Iterator[Problem]:
    if facts.key_error:
        yield Problem(Part.KEYS, "keys_unusable", detail=facts.key_error)
    for bad in facts.bad_settings:
        yield Problem(Part.SETTINGS, bad.code, subject=bad.name, detail=bad.error)


def _is_near(moment: datetime | None, now: datetime, distance: timedelta) -> bool:
    """Whether `moment` is within `distance` of `now`, before or after: a time in the future is no proof of life."""
    return moment is not None and abs(now - moment) <= distance
