"""The database is killed, cut off, full or crowded while mail is leaving."""

from __future__ import annotations

import json
import os
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.crash.cutting_proxy import Cutter
from tests.crash.databases import Database, Postgresql, Sqlite
from tests.crash.scenario import SCAN, World
from tests.outbox.queue.test_wakeup import Saver
from tests.supervisor.installation import PROJECT, clean_environ, eventually

pytestmark = pytest.mark.crash

MakeWorld = Callable[..., World]


def test_postgresql_killed_while_a_mail_leaves_is_waited_for(make_world: MakeWorld) -> None:
    world = make_world("PostgreSQL")
    assert isinstance(world.database, Postgresql)
    before = len(world.sandbox.ledger.entries())
    world.sandbox.faults.add("graph", delay=1)
    world.start_worker(ALERTADMIN_LEASE_SECONDS="60")
    world.ring(SCAN)
    world.sandbox.ledger.wait_until(lambda entries: "fault" in [entry["kind"] for entry in entries[before:]], 60)
    world.database.server.kill()
    world.database.server.start()
    world.settle(60)
    verdict = world.verdict()
    assert (verdict.is_kept, verdict.twice) == (True, 0), verdict


@pytest.mark.parametrize(
    "marker",
    [
        pytest.param(b'INSERT INTO "reminders_scan"', id="scan", marks=pytest.mark.slow),
        pytest.param(b"lease_until", id="claim", marks=pytest.mark.slow),
        pytest.param(b'INSERT INTO "outbox_attempt"', id="attempt", marks=pytest.mark.slow),
        pytest.param(b'UPDATE "outbox_attempt"', id="outcome"),
    ],
)
def test_a_line_cut_before_the_commit_is_answered_loses_and_repeats_nothing(
    make_world: MakeWorld, marker: bytes
) -> None:
    """The outcome of the commit is unknown to the client: the rows decide."""
    world = make_world("PostgreSQL")
    assert isinstance(world.database, Postgresql)
    with Cutter(world.database.server.socket, marker) as cutter:
        url = f"postgresql://postgres:@127.0.0.1:{cutter.port}/{world.database.name}?sslmode=disable"
        world.manage("send_reminders", "--json", ALERTADMIN_DATABASE_URL=url)
        assert cutter.has_cut.is_set()
    world.send_reminders()
    verdict = world.verdict()
    assert (verdict.is_kept, verdict.twice) == (True, 0), verdict


@pytest.mark.slow
@pytest.mark.parametrize("kilobytes", [16, 48, 80, 112, 144, 176, 208, 272])
def test_on_a_full_disk_nothing_leaves_that_was_not_written_down_first(make_world: MakeWorld, kilobytes: int) -> None:
    """No file may grow beyond a limit, wherever in the round it is reached."""
    world = make_world(recipients=3)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes * 1024, kilobytes * 1024))

    command = [sys.executable, str(PROJECT / "manage.py"), "send_reminders", "--json"]
    done = subprocess.run(command, env=world.environ(), preexec_fn=limit, capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr
    json.loads(done.stdout)
    [(attempts,)] = world.database.query("SELECT count(*) FROM outbox_attempt")
    assert sum(entry["to"][0] in world.recipients for entry in world.sandbox.ledger.messages()) <= attempts
    world.send_reminders()
    assert world.verdict().is_kept, world.verdict()


@pytest.mark.slow
def test_many_writers_and_a_long_reader_on_sqlite_never_meet_a_locked_database(make_world: MakeWorld) -> None:
    """Four workers with their clocks and a page that saves, for a quarter of a minute."""
    world = make_world(recipients=30)
    assert world.valkey
    file = world.folder / "alertadmin.sqlite3"
    for _number in range(4):
        world.start_worker()
    slowest = 0.0
    with closing(sqlite3.connect(file)) as reader, Saver(world.folder, world.valkey.url) as page:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM outbox_delivery").fetchone()
        ends = time.monotonic() + 15
        while time.monotonic() < ends:
            world.ring(SCAN)
            slowest = max(slowest, page.save())
        written = file.with_name(file.name + "-wal").stat().st_size
    assert slowest < 5
    assert written < 64 * 1024 * 1024
    mine = set(world.recipients)
    assert eventually(lambda: {one.state for one in world.messages() if one.recipient in mine} == {"sent"}, 60)
    assert "locked" not in (world.folder / "worker.log").read_text()
    verdict = world.verdict()
    assert (verdict.is_kept, verdict.more) == (True, 0), verdict


@pytest.mark.slow
@pytest.mark.parametrize("database", ["SQLite", "PostgreSQL"])
@pytest.mark.parametrize("applied", [1, 12, 24])
def test_a_migration_that_is_killed_is_run_again(
    database: str, applied: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = tmp_path / "data"
    ours: Database = Sqlite(folder) if database == "SQLite" else Postgresql(request.getfixturevalue("postgresql"))
    command = [sys.executable, str(PROJECT / "manage.py"), "up", "--setup"]
    environ = clean_environ(folder, **ours.environ)

    def count() -> int:
        try:
            return int(ours.query("SELECT count(*) FROM django_migrations")[0][0])
        except Exception:
            return 0

    with subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL) as migrating:
        assert eventually(lambda: count() >= applied)
        migrating.kill()
    killed_at = count()
    done = subprocess.run(command, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert count() >= killed_at
    check = [sys.executable, str(PROJECT / "manage.py"), "migrate", "--check"]
    assert subprocess.run(check, env={**os.environ, **environ}, capture_output=True).returncode == 0
