"""Chaos test: in each round a part of the installation is killed, suspended or emptied while mails are due, and for
some rounds Microsoft or the relay is faulty.

The seed determines the order and times of the faults, but not the timing of the processes: a seed reproduces a failure
with some probability.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.crash.databases import Postgresql
from tests.crash.scenario import DELIVER, LEASE, SCAN, World
from tests.reminders.faults import TROUBLES
from tests.supervisor.installation import PROJECT, eventually

FOR_A_ROUND = 2
"""Mails that are due in each round, so that some are being sent when the fault occurs."""
SECONDS_A_ROUND = 3.0
"""Time to recover from a fault. The two mailboxes may send 30 mails a minute each."""
LONGEST_STOP = 100.0
"""Seconds from SIGTERM to the exit of a worker in any condition; more than supervisor.celery_worker.LONGEST_STOP."""
LONGEST_PEACE = 300.0
"""Seconds until all is sent, after the last fault: 60 mails a minute."""
OUTAGES = 0.3
"""How likely an outage begins in a round without one."""
LONGEST_OUTAGE = 6
"""Rounds."""
SLOWNESS = 0.3
"""Seconds that Graph takes for each message, so that faults occur while one is being sent."""


class Chaos:
    """A worker, a broker, a database and a cron job. Each kind of blow falls as often as any other."""

    def __init__(self, world: World, seed: int, rounds: int) -> None:
        self.world = world
        self.chance = random.Random(seed)
        self.done: Counter[str] = Counter()
        self._deck: list[Callable[[], None]] = []
        self._rounds = rounds
        self._outage_ends = -1
        world.has_relay = self.chance.random() < 0.5
        self._answer_well()
        world.will_owe(rounds, FOR_A_ROUND, SECONDS_A_ROUND)
        self.worker = world.start_worker()

    def go(self) -> None:
        """Raises AssertionError if a part does not recover, or a due reminder is not sent in the end."""
        began = time.monotonic()
        for number in range(self._rounds):
            self._keep()
            self._have_outages(number)
            self.world.ring(self.chance.choice([SCAN, SCAN, DELIVER]))
            moment = began + SECONDS_A_ROUND * (number + self.chance.uniform(0.3, 1))
            time.sleep(max(0.0, moment - time.monotonic()))
            blow = self._next()
            blow()
            self.done[blow.__name__.strip("_").replace("_", " ")] += 1
        self._end()

    def _have_outages(self, number: int) -> None:
        """One at a time, each for some rounds."""
        if number == self._outage_ends:
            self._answer_well()
        elif number > self._outage_ends and self.chance.random() < OUTAGES:
            trouble = self.chance.choice(TROUBLES)
            self._outage_ends = number + self.chance.randint(1, LONGEST_OUTAGE)
            self.world.sandbox.faults.clear()
            trouble.begin(self.world.sandbox, None)
            self.done[f"outage, {trouble.name}"] += 1

    def _answer_well(self) -> None:
        self.world.sandbox.faults.clear()
        self.world.sandbox.faults.add("graph", delay=SLOWNESS, times=None)

    def _next(self) -> Callable[[], None]:
        if not self._deck:
            self._deck = [
                self._kill_worker,
                self._kill_main_process,
                self._kill_pool_process,
                self._kill_clock,
                self._suspend_past_the_lease,
                self._stop,
                self._stop_in_a_hurry,
                self._kill_broker,
                self._empty_broker,
                self._fill_broker,
                self._kill_cron_job,
            ]
            if isinstance(self.world.database, Postgresql):
                self._deck.append(self._kill_database)
            self.chance.shuffle(self._deck)
        return self._deck.pop()

    def _kill_worker(self) -> None:
        """All of its processes at once."""
        self.world.kill(self.worker)
        self.worker = self.world.start_worker()

    def _kill_main_process(self) -> None:
        self.worker.kill()
        self._start_again()

    def _kill_pool_process(self) -> None:
        """The worker makes another."""
        if pool := [child for child in _children(self.worker.pid) if not _is_clock(child)]:
            _kill(self.chance.choice(pool))

    def _kill_clock(self) -> None:
        """Kill beat: the worker stops, and the supervisor restarts both. A new worker may have no beat yet."""
        assert eventually(lambda: any(map(_is_clock, _children(self.worker.pid))) or self.worker.poll() is not None)
        for clock in filter(_is_clock, _children(self.worker.pid)):
            _kill(clock)
        self._start_again()

    def _suspend_past_the_lease(self) -> None:
        """Another comes by meanwhile."""
        self._signal(signal.SIGSTOP)
        time.sleep(1.5 * LEASE)
        self._kill_cron_job()
        self._signal(signal.SIGCONT)

    def _stop(self) -> None:
        self.worker.terminate()
        self._start_again()

    def _stop_in_a_hurry(self) -> None:
        """SIGTERM, a moment of grace, SIGKILL: as a machine that is shut down does."""
        self.worker.terminate()
        time.sleep(self.chance.uniform(0, 1))
        self._kill_worker()

    def _kill_broker(self) -> None:
        assert self.world.valkey
        self.world.valkey.kill()
        time.sleep(self.chance.uniform(0, 1))
        self.world.valkey.start()

    def _empty_broker(self) -> None:
        assert self.world.valkey
        with self.world.valkey.client() as client:
            client.flushall()

    def _fill_broker(self) -> None:
        """It refuses each write, as at `maxmemory`."""
        assert self.world.valkey
        with self.world.valkey.client() as client:
            client.config_set("maxmemory", 1)
            time.sleep(self.chance.uniform(0, 1))
            client.config_set("maxmemory", 0)

    def _kill_cron_job(self) -> None:
        """The command beside the worker, killed after a moment."""
        command = [sys.executable, str(PROJECT / "manage.py"), "send_reminders"]
        quiet = subprocess.DEVNULL
        with subprocess.Popen(command, env=self.world.environ(), stdout=quiet, stderr=quiet) as process:
            time.sleep(self.chance.uniform(0.5, 2.0))
            process.kill()

    def _kill_database(self) -> None:
        assert isinstance(self.world.database, Postgresql)
        self.world.database.server.kill()
        time.sleep(self.chance.uniform(0, 0.5))
        self.world.database.server.start()

    def _signal(self, signum: int) -> None:
        if self.worker.poll() is None:
            os.killpg(self.worker.pid, signum)

    def _start_again(self) -> None:
        assert eventually(lambda: self.worker.poll() is not None, LONGEST_STOP), "the worker did not stop"
        self.worker = self.world.start_worker()

    def _keep(self) -> None:
        """As `up` does: Celery's worker may exit when its broker goes away at the wrong moment."""
        if self.worker.poll() is not None:
            self.worker = self.world.start_worker()

    def _end(self) -> None:
        """Peace comes, and an administrator asks for what waits, as everything may have to wait for hours."""
        self.world.sandbox.faults.clear()

        def is_settled() -> bool:
            self._keep()
            self.world.manage("send_reminders", timeout=LONGEST_PEACE)
            return eventually(self.world.is_settled, 0.5)

        assert eventually(is_settled, LONGEST_PEACE), self.world.state()


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _is_clock(pid: int) -> bool:
    """The process name of beat."""
    try:
        return Path(f"/proc/{pid}/comm").read_text() == "clock\n"
    except OSError:
        return False


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
