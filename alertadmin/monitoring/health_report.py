"""The problems found, stored with the heartbeat: by the worker every 15 seconds, by `send_reminders` at its end.

So `/readyz` answers public requests from one row at constant cost, and every page shows the same. Facts that are cheap
(clock, heartbeat, last scan, disk, keys, settings) are read anew each time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from django.utils.dateparse import parse_datetime

from alertadmin.crypto import key_usage
from alertadmin.monitoring import health_facts
from alertadmin.monitoring.health_checks import COMMAND_AFTER, Facts, Part, Problem, Runner, judge, runner
from alertadmin.monitoring.models import Heartbeat
from alertadmin.monitoring.setting_checks import bad_settings
from alertadmin.operator_log.events import log_part_change
from alertadmin.outbox.queue.clock import DatabaseClock
from alertadmin.reminders.scan import scanner
from alertadmin.stored_values import known

FRESH = timedelta(minutes=3)
"""A worker checks every 15 seconds; in a very large installation the check itself takes longer."""
STORED = frozenset({Part.BROKER, Part.DELIVERIES, Part.ROUTES})
"""Parts that a page reads from the row."""
STORED_FOR_PUBLIC = STORED | {Part.KEYS, Part.SETTINGS}
"""Parts that a public request reads from the row: the key check sometimes reads every encrypted value."""
database_clock = DatabaseClock()


class _OwnCheck:
    """What a page of this process found where no worker stores it. Without it each page would check everything, and all
    would be slow just when something is wrong."""

    LIFETIME = 15.0
    """Seconds, as between two checks of the worker."""

    def __init__(self) -> None:
        self._found: tuple[float, list[Problem]] | None = None

    def problems(self, now: datetime) -> list[Problem]:
        found = self._found
        if found is None or monotonic() - found[0] > self.LIFETIME:
            found = self._found = (monotonic(), check(now).problems)
        return found[1]

    def forget(self) -> None:
        self._found = None


_own_check = _OwnCheck()
forget = _own_check.forget


@dataclass(frozen=True)
class Health:
    problems: list[Problem]
    known: frozenset[Part]
    """Parts with a result; for the others the row was too old or missing."""
    last_scan: datetime | None = None

    @property
    def is_well(self) -> bool:
        return not self.problems and self.known == frozenset(Part)

    def parts(self) -> dict[str, bool | None]:
        """Whether each part is healthy; None if unknown."""
        wrong = {problem.part for problem in self.problems}
        return {part.value: part not in wrong if part in self.known | wrong else None for part in Part}


NO_DATABASE = Health([Problem(Part.DATABASE, "database_silent")], frozenset())
EVERYTHING = frozenset(Part)


def check(now: datetime) -> Health:
    """Check everything now."""
    facts = health_facts.gather(now)
    return Health(judge(facts), EVERYTHING, facts.last_scan)


def refresh(now: datetime, source: Heartbeat.Source) -> Health:
    """Check everything, and store the result in the row of the heartbeat just written."""
    before = Heartbeat.objects.filter(source=source).values_list("problems", flat=True).first()
    found = check(now)
    stored = [as_json(problem) for problem in found.problems]
    Heartbeat.objects.filter(source=source).update(checked_at=now, problems=stored)
    _log_changes(before or [], found.problems)
    return found


def current(now: datetime) -> Health:
    """For a page: from the worker's row if it is recent, else as this process checked it a moment ago, else by checking
    everything."""
    row, facts = _stored(now, by_command=FRESH)
    if row is None:
        row = _own_check.problems(now)
    live = judge(_with_keys_and_settings(facts))
    return Health(_merge(row, live, STORED), EVERYTHING, facts.last_scan)


def public_health(now: datetime) -> Health:
    """For public requests: from the row and cheap facts only."""
    row, facts = _stored(now, by_command=COMMAND_AFTER)
    live = judge(facts)
    if row is None:
        return Health([one for one in live if one.part not in STORED_FOR_PUBLIC], EVERYTHING - STORED_FOR_PUBLIC)
    return Health(_merge(row, live, STORED_FOR_PUBLIC), EVERYTHING)


def now_by_database() -> datetime:
    """The time by the database's clock, as in heartbeats. Raises DatabaseError."""
    return database_clock()


def _stored(now: datetime, *, by_command: timedelta) -> tuple[list[Problem] | None, Facts]:
    """The problems of the row, if it is recent, and the cheap facts. `by_command` is how long the result of
    `send_reminders` counts as recent, where cron runs it."""
    rows = {row.source: row for row in Heartbeat.objects.all()}
    worker, command = rows.get(Heartbeat.Source.WORKER), rows.get(Heartbeat.Source.COMMAND)
    beats = (worker.at if worker else None, command.at if command else None)
    by = runner(*beats, now)
    row, lasts = (command, by_command) if by is Runner.COMMAND else (worker, FRESH)
    is_fresh = row is not None and row.checked_at is not None and abs(now - row.checked_at) <= lasts
    last = scanner.last_finished()
    facts = Facts(
        now,
        clock_error=health_facts.clock_error(now),
        worker_beat=beats[0],
        command_run=beats[1],
        last_scan=last.finished_at if last else None,
        left_out=tuple(last.left_out) if last else (),
        disk_is_full=health_facts.disk_is_full(),
    )
    return problems_of(row) if row and is_fresh else None, facts


def _with_keys_and_settings(facts: Facts) -> Facts:
    return replace(facts, key_error=key_usage.problem(), bad_settings=tuple(bad_settings()))


def _merge(stored: Iterable[Problem], live: Iterable[Problem], taken: frozenset[Part]) -> list[Problem]:
    found = [one for one in stored if one.part in taken] + [one for one in live if one.part not in taken]
    # The worker's disk problem may come from the broker, which only the worker checks.
    found += [one for one in stored if one.part is Part.DISK and all(other.part is not Part.DISK for other in found)]
    return sorted(found, key=lambda problem: list(Part).index(problem.part))


def as_json(problem: Problem) -> dict[str, Any]:
    """As JSON, without empty values."""
    found = {name: value for name, value in asdict(problem).items() if value}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in found.items()}


def problems_of(row: Heartbeat) -> list[Problem]:
    """The stored problems of the parts that this version knows: a worker of another version may have written them."""
    return [from_json(one) for one in row.problems if known(Part, one["part"])]


def from_json(found: dict[str, Any]) -> Problem:
    kinds = {one.name: int if one.name == "count" else str for one in fields(Problem)}
    stored = {name: found[name] for name, kind in kinds.items() if isinstance(found.get(name), kind)}
    for name in ("since", "next_try"):
        stored[name] = _parse_time(stored.get(name))
    return Problem(**{**stored, "part": Part(found["part"])})


def _parse_time(stored: object) -> datetime | None:
    try:
        return parse_datetime(str(stored))
    except ValueError:
        return None


def _log_changes(before: list[dict[str, Any]], after: list[Problem]) -> None:
    """Log one line for each part whose health changed."""
    was, wrong = {str(one["part"]) for one in before}, {one.part.value for one in after}
    for part in sorted(wrong - was):
        log_part_change(part, False, ",".join(dict.fromkeys(one.code for one in after if one.part == part)))
    for part in sorted(was - wrong):
        log_part_change(part, True)
