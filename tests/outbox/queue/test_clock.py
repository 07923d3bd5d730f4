"""One clock for all machines that work on the same rows."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from alertadmin.outbox.queue import claims
from alertadmin.outbox.queue.clock import DatabaseClock
from tests.outbox.factories import bare
from tests.supervisor.installation import PROJECT

HERE = re.compile(r"timezone\.now\(|datetime\.now\(|\btime\.time\(")


@pytest.mark.django_db
@pytest.mark.parametrize("minutes", [5, -5])
def test_a_machine_whose_clock_is_wrong_takes_no_lease_that_lives(minutes: int) -> None:
    """On PostgreSQL; with SQLite there is one machine, and it lives by its own clock."""
    bare(1, DatabaseClock()())
    [held] = claims.claim(DatabaseClock()(), limit=1)
    with time_machine.travel(timezone.now() + timedelta(minutes=minutes)):
        taken = claims.reclaim_expired_leases(DatabaseClock()())
    assert taken == (connection.vendor == "sqlite" and minutes > 0)
    assert held.lease_until is not None


def test_nothing_of_outbox_or_scan_that_machines_share_is_judged_by_the_clock_of_one() -> None:
    allowed = {
        "recipients.py": "whether a provider confirmed a role within days",
        "clock.py": "SQLite's machine",
        "run_locks.py": "a file's age, by the machine that holds the file",
        "webhook.py": "the time in a signature",
    }
    files = [path for room in ("outbox", "reminders") for path in (PROJECT / "alertadmin" / room).rglob("*.py")]
    assert {path.name for path in files if HERE.search(path.read_text())} == set(allowed)
