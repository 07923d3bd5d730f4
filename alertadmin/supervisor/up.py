"""Start and supervise web server, worker, broker and, in a demonstration, the sandbox."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Protocol

from django.conf import settings
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from alertadmin import __version__, tls_files
from alertadmin.accounts.models import FirstAdministratorLink, User
from alertadmin.environment import Environment
from alertadmin.monitoring import broker, setting_checks
from alertadmin.operator_log.process import log_started, log_stopped
from alertadmin.outbox.queue.clock import DatabaseClock
from alertadmin.reminders.scan import scanner
from alertadmin.supervisor import bootstrap, file_lock, orphans, ports, programs
from alertadmin.supervisor.errors import PortOccupied
from alertadmin.supervisor.log_output import Output
from alertadmin.supervisor.process import ManagedProcess, Program

log = logging.getLogger(__name__)

AFTERMATH = 12.0
"""Seconds to wait for the killed processes of a previous start to end."""
PATIENCE = 60.0
"""Seconds without a response after which the terminal shows a line; the checks continue."""


class StartAddition(Protocol):
    """What `./run --demo` adds to a start (alertadmin.demo.environment.Demo): one more process, and example rows."""

    opened: asyncio.Event
    """Set once the process answers."""

    def program(self) -> Program: ...

    def seed(self, now: datetime) -> None: ...

    def start_message(self) -> str: ...


def start(demo: StartAddition | None = None) -> None:
    """Run web server, worker and broker until SIGTERM or SIGINT. Raises NotStarted, whose message is for the user."""
    environment: Environment = settings.ENVIRONMENT.of_web_server()
    settings.ENVIRONMENT, settings.PUBLIC_URL = environment, environment.public_url
    # All files that these programs create are readable by their owner only.
    os.umask(0o077)
    bootstrap.make_data_dir(environment.data_dir)
    claim = _claim(environment)
    bootstrap.prepare(upgrade=True)
    ports.check_free(*environment.bind)
    if environment.tls:
        tls_files.check(*environment.tls)
    claim.write(
        json.dumps(
            {
                "pid": os.getpid(),
                "url": environment.public_url,
                # For commands, which do not see the options of this one.
                "is_address_unknown": environment.is_address_unknown,
            }
        )
    )
    connection.close()
    asyncio.run(Supervisor(environment, claim.descriptor, demo).run())


def _claim(environment: Environment) -> file_lock.FileLock:
    """Lock the data folder for this process and its children. Raises PortOccupied if another supervisor uses it.

    Ends the processes of a supervisor that was killed.
    """
    path = _lock_of(environment)
    deadline = time.monotonic() + AFTERMATH
    while True:
        left = orphans.end(path)
        try:
            claim = file_lock.FileLock(path)
        except file_lock.LockInUse as error:
            holder = _holder(path, error.note)
        else:
            if not orphans.find(path):
                return claim
            # Orphans may still use the port.
            claim.release()
            holder, left = None, 1
        if (holder and not left) or time.monotonic() > deadline:
            raise PortOccupied(
                f"alertadmin already runs in {environment.data_dir}{holder or ''}. "
                "Stop it first, or choose another folder with --data."
            )
        time.sleep(0.02)


def _lock_of(environment: Environment) -> Path:
    return environment.data_dir / "up.lock"


def _holder(path: Path, note: str) -> str | None:
    """Describe the process that has the lock file open; None if none has. `note` is what the last owner wrote."""
    found = file_lock.holders(path)
    try:
        said = json.loads(note)
        pid, url = int(said["pid"]), str(said["url"])
    except (ValueError, TypeError, KeyError):
        pid, url = 0, ""
    if pid in found:
        return f": {url} (process {pid})"
    return f" (process {found[0]})" if found else None


class Supervisor:
    def __init__(self, environment: Environment, claimed: int, demo: StartAddition | None) -> None:
        self._environment = environment
        self._claimed = claimed
        self._demo = demo
        self._output = Output(environment.data_dir / "logs")
        self._stop = asyncio.Event()

    async def run(self) -> None:
        self._output.take_log()
        log_started("up")
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(signum, self._stop.set)
        below: list[ManagedProcess] = []
        above: list[ManagedProcess] = []
        try:
            await self._unless_stopped(self._start_all(below, above))
            await self._stop.wait()
        finally:
            self._output.show("Stopping …")
            # Web server and worker use the broker and the sandbox, so they stop first.
            await asyncio.gather(*(running.stop() for running in above))
            await asyncio.gather(*(running.stop() for running in below))
        log_stopped()
        self._output.show("Stopped.")

    async def _unless_stopped(self, starting: Awaitable[None]) -> None:
        work = asyncio.ensure_future(starting)
        stopping = asyncio.ensure_future(self._stop.wait())
        await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if work.done():
            work.result()
        else:
            work.cancel()

    async def _start_all(self, below: list[ManagedProcess], above: list[ManagedProcess]) -> None:
        environment = self._environment
        self._output.show(f"alertadmin {__version__}, data in {environment.data_dir}")
        if self._demo:
            below.append(self._managed(self._demo.program()))
            await self._demo.opened.wait()
        if environment.embedded_broker:
            below.append(self._managed(programs.broker(environment)))
            await self._until("broker", lambda: ports.answers_ping(environment.broker_socket))
        above.append(self._managed(programs.web(environment)))
        above.append(self._managed(programs.worker()))
        await asyncio.to_thread(self._run_step, self._seed_and_scan)
        await self._until("web", lambda: ports.answers_http(*environment.bind, tls=bool(environment.tls)))
        await asyncio.to_thread(self._run_step, self._show_addresses)

    def _managed(self, program: Program) -> ManagedProcess:
        environ = orphans.marked_environ(_lock_of(self._environment))
        return ManagedProcess(program, self._output, keep=[self._claimed], environ=environ)

    async def _until(self, name: str, answers: Callable[[], Awaitable[bool]]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not await answers():
            if time.monotonic() > deadline:
                self._output.show(f"{name} does not answer yet; see the lines above.")
                deadline += PATIENCE
            await asyncio.sleep(ports.BETWEEN_TRIES)

    def _run_step(self, step: Callable[[], None]) -> None:
        """Run a step of the start in a thread, with its own database connection. Log its failure and continue."""
        try:
            step()
        except Exception:
            # The pages show the failure too, and beat scans again.
            log.exception("a step of the start failed")
        finally:
            connection.close()

    def _seed_and_scan(self) -> None:
        """Scan at once: after an outage, due reminders must not wait for beat's next hourly scan."""
        now = DatabaseClock()()
        if self._demo:
            self._demo.seed(now)
        scanner.run(now)

    def _show_addresses(self) -> None:
        environment = self._environment
        show = self._output.show
        show(f"\nalertadmin is ready: {environment.public_url}/")
        if not User.objects.exists():
            path = reverse("first-administrator", args=[FirstAdministratorLink.make(timezone.now())])
            show(f"Make the first administrator (this link works once): {environment.public_url}{path}")
        if self._demo:
            show(self._demo.start_message())
        for remark in setting_checks.remarks():
            show(remark)
        if said := broker.unprotected(environment.redis_url):
            show(said)
        for bad in setting_checks.bad_settings():
            show(str(bad))
        show("Ctrl-C stops it.\n")
