"""The scan: find and store the due reminders among many secrets, or find none."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from statistics import median

from django.db import connection
from django.test.utils import CaptureQueriesContext

from alertadmin.outbox.models import Delivery
from alertadmin.reminders.models import Policy, Reminder, ReminderLine, Scan
from alertadmin.reminders.scan import scanner
from benchmarks import seed
from benchmarks.baselines import scan_sql
from benchmarks.installation import Stand
from benchmarks.report import Aim, ReportRow, duration
from benchmarks.seed import NOW
from benchmarks.sizes import Effort
from benchmarks.timing import InSql, Side, Times, interleaved

PLANS = (1, 10, 40, 400)
"""Numbers of different schedules in one installation."""


def due(stand: Stand, effort: Effort) -> list[ReportRow]:
    secrets = effort.sizes[-1]
    stand.filled(secrets)
    forget()
    owed = scanner.owed(NOW).count()

    def all_of(written: Callable[[], int]) -> Callable[[], None]:
        return lambda: _expect(written(), owed)

    ours = Side(all_of(lambda: scanner.run(NOW).reminders), before=forget)
    bare = Side(all_of(lambda: scan_sql.written_down(NOW)), before=forget)
    times = interleaved(ours, bare, effort.repeats)
    alone = Side(all_of(lambda: scan_sql.reminders_alone(NOW)), before=_forget_but_one_scan)
    note = f"the INSERT of the reminders alone: {_shortly(alone, effort)}"
    name = f"scan of {secrets:,} secrets, {owed:,} due"
    return [ReportRow(name, "the same rows by SQL", times, Aim(ratio_at_most=3), note=note)]


def plans(stand: Stand, effort: Effort) -> list[ReportRow]:
    """Scan the same secrets with more and more different schedules, by which the same reminders are due."""
    secrets = effort.sizes[-1]
    stand.filled(secrets)
    rows = []
    try:
        for number in PLANS:
            seed.give_plans(number)
            forget()
            owed = scanner.owed(NOW).count()
            ours = Side(partial(_scanned, owed), before=forget)
            bare = Side(partial(_written_down, owed), before=forget)
            name = f"scan of {secrets:,} secrets, {owed:,} due, {number} plans"
            times = interleaved(ours, bare, effort.repeats)
            rows.append(ReportRow(name, "the same rows by SQL", times, Aim(ratio_at_most=3)))
    finally:
        Policy.objects.all().delete()
        forget()
    of_one, of_most = rows[0].times.ours, rows[-1].times.ours
    name = f"  of {PLANS[-1]} plans beside {PLANS[0]}"
    return [*rows, ReportRow(name, "the same scan of one plan", Times(of_most, of_one), Aim(ratio_at_most=1.3))]


def _scanned(owed: int) -> None:
    _expect(scanner.run(NOW).reminders, owed)


def _written_down(owed: int) -> None:
    _expect(scan_sql.written_down(NOW), owed)


def idle(stand: Stand, effort: Effort) -> list[ReportRow]:
    queries = []
    for secrets in effort.sizes:
        stand.filled(secrets)
        forget()
        scanner.run(NOW)
        with CaptureQueriesContext(connection) as captured:
            _expect(scanner.run(NOW).reminders, 0)
        queries.append(len(captured))
    told = Reminder.objects.count()

    def nothing() -> None:
        _expect(scanner.run(NOW).reminders, 0)

    bare = Side(lambda: _expect(scan_sql.untold(NOW), 0), before=Scan.objects.filter(pk=-1).delete)
    whole = interleaved(Side(nothing), bare, effort.repeats)
    walk = Side(lambda: _expect(scan_sql.due(NOW), told))
    in_sql = interleaved(InSql(nothing), walk, effort.repeats)
    name = f"scan of {secrets:,} secrets, nothing due"
    return [
        ReportRow(
            name, "the same question by SQL", whole, Aim(ratio_at_most=3, same_queries=True), queries=tuple(queries)
        ),
        ReportRow("  of it in SQL", f"the {told:,} told of, by the index", in_sql, Aim(seconds_at_most=0.01)),
    ]


def forget() -> None:
    """Delete the results of all scans."""
    for model in (ReminderLine, Delivery, Reminder, Scan):
        model._default_manager.all().delete()


def _forget_but_one_scan() -> None:
    forget()
    Scan.objects.create(pk=1, started_at=NOW)


def _shortly(side: Side, effort: Effort) -> str:
    return duration(median(side.seconds() for _repeat in range(effort.repeats)))


def _expect(found: int, expected: int) -> None:
    if found != expected:
        raise AssertionError(f"{found} reminders, {expected} expected")
