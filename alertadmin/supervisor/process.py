"""Run programs as child processes, restart them when they crash or stop responding, and stop them.

Each program has its own process group: Ctrl-C reaches the supervisor only, and the children of a crashed program are
killed with their group. Each gets a signal when the supervisor dies, so kill -9 leaves no process behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from alertadmin.supervisor.log_output import Output

WRAPPER = Path(__file__).with_name("parent_death_signal.py")
LONGEST_LINE = 64 * 1024
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
"""Seconds before a crashed program is restarted; doubled after each crash."""
MOST_MISSED = 3
"""Consecutive checks without a response after which a program is terminated."""
MOST_MISSED_AT_FIRST = 30
"""The same until the first response: the program may still be loading."""
STEADY = 60.0
"""Seconds of running after which a crash counts as the first one again."""


@dataclass(frozen=True)
class Program:
    name: str
    command: Sequence[str]
    grace: float = 5.0
    """Seconds from SIGTERM to SIGKILL."""
    when_orphaned: signal.Signals = signal.SIGKILL
    on_line: Callable[[str], bool] | None = None
    """Called with each line that the program writes; True keeps the line out of terminal and log."""
    answers: Callable[[], Awaitable[bool]] | None = None
    """Health check: a program that runs without responding is restarted."""
    check_every: float = 10.0
    """Seconds between two health checks."""


class ManagedProcess:
    """One program, restarted until it is stopped."""

    def __init__(
        self,
        program: Program,
        output: Output,
        keep: Sequence[int] = (),
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.program = program
        self._output = output
        self._keep = tuple(keep)
        self._environ = environ
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self._task = asyncio.create_task(self._run_until_stopped(), name=program.name)

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def stop(self) -> None:
        """Send SIGTERM, wait for `grace` seconds, and send SIGKILL to what is left of its process group."""
        self._stopping.set()
        if self.is_alive and self._process:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
        try:
            await asyncio.wait_for(asyncio.shield(self._task), self.program.grace)
        except TimeoutError:
            self._log_line(f"did not stop within {self.program.grace:g} s; killed")
            self._kill_group()
            await self._task

    async def _run_until_stopped(self) -> None:
        wait = FIRST_WAIT
        while not self._stopping.is_set():
            began = time.monotonic()
            code = await self._run_once()
            if self._stopping.is_set():
                self._log_line(f"stopped: {_ended(code)}")
                return
            if time.monotonic() - began > STEADY:
                wait = FIRST_WAIT
            self._log_line(f"{_ended(code)}; started again in {wait:g} s")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), wait)
            wait = min(2 * wait, LONGEST_WAIT)

    async def _run_once(self) -> int:
        wrapper = [sys.executable, "-I", "-S", str(WRAPPER), str(int(self.program.when_orphaned)), str(os.getpid())]
        self._process = process = await asyncio.create_subprocess_exec(
            *wrapper,
            *self.program.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=LONGEST_LINE,
            start_new_session=True,
            pass_fds=self._keep,
            env=self._environ,
        )
        reading = asyncio.create_task(self._read(process.stdout))
        checking = asyncio.create_task(self._check(process))
        code = await process.wait()
        checking.cancel()
        # End its children too: they would keep its port, its files and this pipe open.
        self._kill_group()
        await reading
        return code

    async def _check(self, process: asyncio.subprocess.Process) -> None:
        """Terminate the program after several consecutive health checks without a response."""
        if self.program.answers is None:
            return
        most, missed = MOST_MISSED_AT_FIRST, 0
        while missed < most:
            await asyncio.sleep(self.program.check_every)
            if await self.program.answers():
                most, missed = MOST_MISSED, 0
            else:
                missed += 1
        if self._stopping.is_set():
            return
        self._log_line("lives but does not answer; ended")
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await asyncio.sleep(self.program.grace)
        self._kill_group()

    async def _read(self, stream: asyncio.StreamReader | None) -> None:
        while stream:
            try:
                line = await stream.readline()
            except ValueError:
                continue  # longer than LONGEST_LINE: dropped.
            if not line:
                return
            text = line.decode("utf-8", "replace").rstrip()
            if text and not (self.program.on_line and self.program.on_line(text)):
                self._output.write_line(self.program.name, text)

    def _kill_group(self) -> None:
        if self._process:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _log_line(self, text: str) -> None:
        self._output.write_line("up", f"{self.program.name} {text}")


def _ended(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
