"""`up` is killed just after it started a process: no process remains, and the next start works at once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from alertadmin.supervisor import file_lock, orphans
from tests.commands.fork_server import PATIENCE
from tests.supervisor.installation import Installation, eventually, free_port

pytestmark = pytest.mark.crash

BIRTHS = [
    ("valkey-server", 1),
    ("granian", 1),
    ("granian", 2),
    ("alertadmin.supervisor.celery_worker", 1),
    ("alertadmin.supervisor.celery_worker", 2),
    ("alertadmin.supervisor.celery_worker", 4),
]
"""A part of a command line, and the number of processes with it at which `up` is killed."""
QUICK = [(birth, delay) for birth in (("granian", 2), ("alertadmin.supervisor.celery_worker", 2)) for delay in (0, 10)]
WALK = [(birth, delay) for birth in BIRTHS for delay in range(0, 60, 4)]


@pytest.mark.parametrize("steps", [QUICK, pytest.param(WALK, marks=pytest.mark.slow)], ids=["quick", "walk"])
def test_supervisor_killed_during_start_leaves_no_process(
    up: Callable[..., Installation], prepared: Path, data_dir: Path, steps: list[tuple[tuple[str, int], int]]
) -> None:
    """Each start follows directly on the kill of the previous one, on the same port."""
    shutil.copytree(prepared, data_dir)
    port = free_port()
    for (part, number), delay in steps:
        killed = up(port=port)
        assert eventually(lambda: len(killed.named(part)) >= number or killed.process.poll() is not None, 60)  # noqa: B023
        assert killed.process.poll() is None, (part, number, delay, killed.text)
        time.sleep(delay / 1000)
        killed.process.kill()
        killed.stop()
        ours = killed.processes()
        assert eventually(lambda: not set(ours) & set(killed.processes())), (part, number, delay, ours)  # noqa: B023
    up(port=port).wait_until_healthy()


LEFT_BEHIND = """
import os, socket, sys, time
from pathlib import Path
from alertadmin.supervisor import file_lock, orphans

path = Path(sys.argv[1])
claim = file_lock.FileLock(path)
claim.write('{"pid": %d, "url": "http://localhost:1"}' % os.getpid())
os.set_inheritable(claim.descriptor, True)
environ = orphans.marked_environ(path)
listener = socket.create_server(("127.0.0.1", int(sys.argv[2])))
os.set_inheritable(listener.fileno(), True)
if not os.fork():
    program = "import time; print('born', flush=True); time.sleep(600)"
    os.execve(sys.executable, [sys.executable, "-c", program], environ)
time.sleep(600)
"""


def test_orphans_with_port_and_lock_are_ended(up: Callable[..., Installation], prepared: Path, data_dir: Path) -> None:
    """For a process without a parent death signal."""
    shutil.copytree(prepared, data_dir)
    port, path = free_port(), data_dir / "up.lock"
    with subprocess.Popen([sys.executable, "-c", LEFT_BEHIND, str(path), str(port)], stdout=subprocess.PIPE) as start:
        assert start.stdout
        assert start.stdout.readline() == b"born\n"
        assert orphans.find(path) == []
        start.kill()
        start.wait()
        [left] = orphans.find(path)
        assert file_lock.holders(path) == [left]
        began = up(port=port)
        began.wait_until_ready()
        # Its id may remain in /proc until the system's first process collects it: only its environment is gone.
        assert eventually(lambda: left not in orphans.find(path))


def test_stale_lock_note_is_ignored(up: Callable[..., Installation], prepared: Path, data_dir: Path) -> None:
    """The error names the process that owns the lock, not the one named in the file."""
    shutil.copytree(prepared, data_dir)
    path = data_dir / "up.lock"
    path.write_text(f'{{"pid": {os.getpid()}, "url": "http://elsewhere"}}')
    holding = "import sys, time; from pathlib import Path; from alertadmin.supervisor import file_lock; "
    holding += "claim = file_lock.FileLock(Path(sys.argv[1])); print('held', flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", holding, str(path)], stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdout.readline() == b"held\n"
        refused = up()
        assert refused.process.wait(timeout=PATIENCE) == 2
        assert eventually(lambda: f"(process {other.pid})" in refused.text), refused.text
        assert "elsewhere" not in refused.text
        other.send_signal(signal.SIGKILL)
    up().wait_until_ready()
