"""A broker that runs but cannot be reached is restarted."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from alertadmin.environment import Environment
from alertadmin.supervisor import ports, programs
from alertadmin.supervisor.log_output import Output
from alertadmin.supervisor.process import MOST_MISSED_AT_FIRST, ManagedProcess, Program

PATIENCE = 60.0
SLEEP = shutil.which("sleep") or "/bin/sleep"
"""The path of a program that runs and never responds: `execv` does not search PATH."""


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await condition():
            await asyncio.sleep(0.02)


async def restarted(program: Program, output: Output, spoil: Callable[[], None]) -> None:
    """Break the broker once it responds, and wait until a new one does."""
    assert program.answers is not None
    running = ManagedProcess(program, output)
    try:
        await until(program.answers)
        process = running._process
        spoil()
        assert not await program.answers()

        async def is_another() -> bool:
            return running._process is not process and program.answers is not None and await program.answers()

        await until(is_another)
    finally:
        await running.stop()


def test_broker_without_socket_is_restarted(capfd: pytest.CaptureFixture[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        environment = Environment(Path(folder), {})
        (environment.data_dir / "logs").mkdir()
        program = dataclasses.replace(programs.broker(environment), check_every=0.05)
        output = Output(environment.data_dir / "logs")
        asyncio.run(restarted(program, output, environment.broker_socket.unlink))
        output.close()
    assert "lives but does not answer" in capfd.readouterr().out


def test_loading_program_is_not_terminated(capfd: pytest.CaptureFixture[str]) -> None:
    """The health check is repeated as often as allowed before a termination; the last one does not return."""
    asked, asked_enough = 0, asyncio.Event()

    async def never() -> bool:
        nonlocal asked
        asked += 1
        if asked == MOST_MISSED_AT_FIRST:
            asked_enough.set()
            await asyncio.Event().wait()
        return False

    async def look(output: Output) -> None:
        running = ManagedProcess(Program("sleeper", [SLEEP, "60"], answers=never, check_every=0.001), output)
        async with asyncio.timeout(PATIENCE):
            await asked_enough.wait()
        assert running.is_alive
        await running.stop()

    with tempfile.TemporaryDirectory() as folder:
        output = Output(Path(folder))
        asyncio.run(look(output))
        output.close()
    assert "does not answer" not in capfd.readouterr().out


def test_broker_health_check_uses_its_socket(tmp_path: Path) -> None:
    program = programs.broker(Environment(tmp_path, {}))
    assert program.answers is not None
    assert asyncio.run(ports.answers_ping(tmp_path / "broker.sock")) is False
