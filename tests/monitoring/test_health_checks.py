"""Each part x each state: what is reported as a problem, and what is not."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertadmin.monitoring.health_checks import Broker, Facts, Group, Part, Problem, Queue, Runner, judge, runner
from alertadmin.monitoring.health_report import as_json, from_json
from alertadmin.monitoring.setting_checks import BadSetting
from alertadmin.outbox.delivery.route_health import FailedRoute
from tests.conftest import NOW


def ago(**parts: float) -> datetime:
    return NOW - timedelta(**parts)


def facts(**changes: Any) -> Facts:
    """Of an installation that is well and runs a worker."""
    return Facts(**{"now": NOW, "worker_beat": NOW, "last_scan": NOW, "is_watching": True, **changes})


def cron(**changes: Any) -> Facts:
    """Of one that is well and has no worker: cron runs `send_reminders` each hour."""
    return facts(**{"worker_beat": None, "command_run": ago(minutes=50), **changes})


MAILBOX = FailedRoute("mailbox", "network", ago(hours=1), NOW, uuid4())
TROUBLE = Group(3, ago(hours=2), NOW, "network")

TABLE: list[tuple[str, Facts, list[str]]] = [
    ("well", facts(), []),
    ("well by cron", cron(), []),
    ("clock in 1970", facts(clock_error="The clock says …"), ["clock clock_wrong"]),
    # The worker, and cron in its place.
    ("a beat two minutes ago", facts(worker_beat=ago(minutes=2)), []),
    ("a beat longer ago", facts(worker_beat=ago(minutes=2, seconds=1)), ["worker worker_silent"]),
    ("a beat from the future", facts(worker_beat=NOW + timedelta(minutes=3)), ["worker worker_silent"]),
    ("never a beat, 7,613 due", facts(worker_beat=None, queue=Queue(7613, 7613)), ["worker worker_never"]),
    ("worker died, cron ran once", cron(worker_beat=ago(hours=3)), ["worker worker_silent"]),
    ("worker given up a day ago, cron runs", cron(worker_beat=ago(hours=25)), []),
    ("cron an hour and a half ago", cron(command_run=ago(minutes=90)), []),
    ("cron longer ago", cron(command_run=ago(minutes=91)), ["worker command_late"]),
    ("cron by a wild clock", cron(command_run=NOW + timedelta(days=2)), ["worker command_late"]),
    ("both ended, the worker later", cron(worker_beat=ago(days=2), command_run=ago(days=9)), ["worker worker_silent"]),
    ("cron with what is just due", cron(queue=Queue(5, 5)), []),
    # The scan.
    ("scan 26 hours ago", facts(last_scan=ago(hours=26)), []),
    ("scan longer ago", facts(last_scan=ago(hours=27)), ["scan scan_old"]),
    ("scan days ahead", facts(last_scan=NOW + timedelta(days=2)), ["scan scan_old"]),
    ("never a scan", facts(last_scan=None), ["scan scan_never"]),
    # The broker and the disk.
    ("broker away", facts(broker=Broker.SILENT), ["broker broker_silent"]),
    ("broker away, by cron", cron(broker=Broker.SILENT), []),
    ("broker cannot write", facts(broker=Broker.CANNOT_WRITE), ["disk disk_full"]),
    ("disk full, and so the broker away", facts(broker=Broker.SILENT, disk_is_full=True), ["disk disk_full"]),
    # Deliveries.
    ("waiting for their hour, or in review", facts(queue=Queue(waiting=40, held=21)), []),
    ("in doubt", facts(queue=Queue(3, in_doubt=TROUBLE)), ["deliveries in_doubt"]),
    ("tried in vain", facts(queue=Queue(3, failing=TROUBLE)), ["deliveries failing"]),
    ("due, and not tried", facts(queue=Queue(3, 3, untried=TROUBLE)), ["deliveries untried"]),
    # Routes.
    ("no route, nothing watched", facts(has_route=False, is_watching=False), []),
    ("no route", facts(has_route=False), ["ways no_route"]),
    ("none of the installation's", facts(lacks_own_route=True, tenants_without_route=3), ["ways no_own_route"]),
    ("none of its own, nothing watched", facts(lacks_own_route=True, is_watching=False), []),
    ("a route failed", facts(failed_routes=(MAILBOX,), failed_count=1), ["ways route_failed"]),
    ("many failed", facts(failed_routes=(MAILBOX,), failed_count=9), ["ways route_failed", "ways more_routes_failed"]),
    # Keys and settings.
    ("a key is missing", facts(key_error="keys.json is missing"), ["keys keys_unusable"]),
    ("a bad setting", facts(bad_settings=(BadSetting("ALERTADMIN_SMTP_URL", "…"),)), ["settings set_aside"]),
]  # fmt: skip


@pytest.mark.parametrize(("state", "found", "expected"), TABLE, ids=[row[0] for row in TABLE])
def test_each_part_in_each_state(state: str, found: Facts, expected: list[str]) -> None:
    assert [f"{problem.part} {problem.code}" for problem in judge(found)] == expected


def test_every_part_is_in_the_table() -> None:
    told = {problem.part for _state, found, _expected in TABLE for problem in judge(found)}
    assert told == set(Part) - {Part.DATABASE}


@given(left=st.sampled_from(TABLE), right=st.sampled_from(TABLE))
def test_problems_are_in_the_order_of_parts(left: tuple[Any, Facts, Any], right: tuple[Any, Facts, Any]) -> None:
    for found in (left[1], right[1]):
        order = [list(Part).index(problem.part) for problem in judge(found)]
        assert order == sorted(order)


MOMENTS = st.none() | st.integers(-600_000, 600_000).map(lambda minutes: NOW + timedelta(minutes=minutes / 10))


@given(beat=MOMENTS, run=MOMENTS)
def test_without_a_sign_of_life_near_now_nothing_counts_as_alive(beat: datetime | None, run: datetime | None) -> None:
    def near(moment: datetime | None, minutes: int) -> bool:
        return moment is not None and abs(moment - NOW) <= timedelta(minutes=minutes)

    by = runner(beat, run, NOW)
    assert (by is Runner.WORKER) == near(beat, 2)
    assert by is not Runner.COMMAND or near(run, 90)
    problems = [problem for problem in judge(facts(worker_beat=beat, command_run=run)) if problem.part is Part.WORKER]
    assert len(problems) == (by is Runner.NONE)


@pytest.mark.parametrize("state", range(len(TABLE)), ids=[row[0] for row in TABLE])
def test_a_problem_is_the_same_after_it_was_kept(state: int) -> None:
    for problem in judge(TABLE[state][1]):
        assert from_json(as_json(problem)) == problem


def test_what_is_kept_holds_no_names() -> None:
    [problem] = judge(facts(failed_routes=(MAILBOX,), failed_count=1))
    assert as_json(Problem(Part.SCAN, "scan_never")) == {"part": "scan", "code": "scan_never"}
    assert set(as_json(problem)) == {"part", "code", "since", "cause", "subject"}
    assert problem.subject == f"mailbox:{MAILBOX.id}"
