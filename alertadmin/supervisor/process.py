"""Keeps programs alive together: started in order, started again when they crash, stopped in the opposite order.

Each has a process group of its own, so that Ctrl-C reaches this process alone and a crashed program leaves nobody
behind; each is tied to this process, so that kill -9 leaves nobody behind either.
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

TETHER = Path(__file__).with_name("parent_death_signal.py")
LONGEST_LINE = 64 * 1024
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
"""Seconds before a crashed program is started again; doubled each time."""
MOST_MISSED = 3
"""Checks in a row without an answer, after which a program is ended."""
MOST_MISSED_AT_FIRST = 30
"""The same until it first answers: it may still load."""
STEADY = 60.0
"""Seconds after which a program counts as running well, and its next crash as its first."""


@dataclass(frozen=True)
class Program:
    name: str
    command: Sequence[str]
    grace: float = 5.0
    """Seconds from SIGTERM to SIGKILL."""
    when_orphaned: signal.Signals = signal.SIGKILL
    on_line: Callable[[str], bool] | None = None
    """Sees each line of the program first; True keeps it out of terminal and log."""
    answers: Callable[[], Awaitable[bool]] | None = None
    """Whether it still does its work: one that lives and does not answer is started again."""
    check_every: float = 10.0
    """Seconds between two such checks."""


class ManagedProcess:
    """One program, started again and again until it is stopped."""

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
        self._task = asyncio.create_task(self._stay(), name=program.name)

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def stop(self) -> None:
        """SIGTERM, a while of grace, SIGKILL to whoever is left of its group."""
        self._stopping.set()
        if self.is_alive and self._process:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
        try:
            await asyncio.wait_for(asyncio.shield(self._task), self.program.grace)
        except TimeoutError:
            self._say(f"did not stop within {self.program.grace:g} s; killed")
            self._kill_group()
            await self._task

    async def _stay(self) -> None:
        wait = FIRST_WAIT
        while not self._stopping.is_set():
            began = time.monotonic()
            code = await self._run_once()
            if self._stopping.is_set():
                self._say(f"stopped: {_ended(code)}")
                return
            if time.monotonic() - began > STEADY:
                wait = FIRST_WAIT
            self._say(f"{_ended(code)}; started again in {wait:g} s")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), wait)
            wait = min(2 * wait, LONGEST_WAIT)

    async def _run_once(self) -> int:
        tether = [sys.executable, "-I", "-S", str(TETHER), str(int(self.program.when_orphaned)), str(os.getpid())]
        self._process = process = await asyncio.create_subprocess_exec(
            *tether,
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
        # Its own children go with it, or they would hold its port, its files and this pipe.
        self._kill_group()
        await reading
        return code

    async def _check(self, process: asyncio.subprocess.Process) -> None:
        """Ends it once it did not answer several times in a row."""
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
        self._say("lives but does not answer; ended")
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await asyncio.sleep(self.program.grace)
        self._kill_group()

    async def _read(self, stream: asyncio.StreamReader | None) -> None:
        while stream:
            try:
                line = await stream.readline()
            except ValueError:
                continue  # longer than LONGEST_LINE: dropped
            if not line:
                return
            text = line.decode("utf-8", "replace").rstrip()
            if text and not (self.program.on_line and self.program.on_line(text)):
                self._output.line(self.program.name, text)

    def _kill_group(self) -> None:
        if self._process:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _say(self, text: str) -> None:
        self._output.line("up", f"{self.program.name} {text}")


def _ended(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
