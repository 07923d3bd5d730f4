"""An installation under test: real processes with their own data folder, found by that folder's name."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def clean_environ(data_dir: Path, **values: str) -> dict[str, str]:
    """Return this process's environment without the variables of the test run's own installation."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("ALERTADMIN_", "DJANGO_"))}
    return {**environ, "ALERTADMIN_DATA_DIR": str(data_dir), **values}


def free_port() -> int:
    """A port that is free now and that no outgoing connection takes before it is used: it is below those that the
    system gives to connections."""
    while True:
        with suppress(OSError), socket.create_server(("127.0.0.1", random.randrange(20_000, 32_000))) as listener:
            return int(listener.getsockname()[1])


def group(pid: int) -> int:
    """The process group; 0 if the process has ended."""
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


def eventually(condition: Callable[[], object], seconds: float = 60) -> bool:
    """Poll the condition, and return whether it became true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


class Installation:
    """`up` as a process; `lines` is its output so far."""

    program: Sequence[str] = (sys.executable, str(PROJECT / "manage.py"))
    cwd: Path | None = None

    def __init__(self, data_dir: Path, *options: str, port: int | None = None, **environ: str) -> None:
        self.data_dir = data_dir
        self.port = port or free_port()
        self.url = f"http://localhost:{self.port}"
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [*self.program, "up", *options],
            cwd=self.cwd,
            env=clean_environ(data_dir, ALERTADMIN_BIND=f"127.0.0.1:{self.port}", **environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            umask=0,  # what it writes is its owner's alone by its own doing
        )
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def link(self) -> str:
        """The first administrator's link, or an empty string."""
        found = re.search(r"http\S+/first-administrator/\S+", self.text)
        return found.group() if found else ""

    def wait_until_ready(self) -> None:
        assert eventually(lambda: "Ctrl-C stops it" in self.text or self.process.poll() is not None, 60), self.text
        assert self.process.poll() is None, self.text

    def wait_until_healthy(self) -> None:
        """Wait for `/readyz`: `up` calls itself ready when the pages answer, before the worker's first heartbeat."""
        self.wait_until_ready()
        assert eventually(lambda: self.answer("/readyz") == 200, 60), self.text

    def answer(self, path: str) -> int:
        """Return the status of a page; 0 if no server responds."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except OSError:
            return 0

    def processes(self) -> dict[int, str]:
        """Return the command of each running process of this installation, by id."""
        mark = f"ALERTADMIN_DATA_DIR={self.data_dir}\0".encode()
        found = {}
        for folder in Path("/proc").iterdir():
            try:
                # A process that has ended and waits to be collected has no environment any more.
                if folder.name.isdigit() and mark in (folder / "environ").read_bytes() + b"\0":
                    found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
        return found

    def named(self, part: str) -> set[int]:
        """Return the ids of the processes whose command contains the text."""
        return {pid for pid, command in self.processes().items() if part in command}

    def leader(self, part: str) -> int:
        """Return the process that `up` started itself: the leader of its group."""
        assert eventually(lambda: len(self.leaders(part)) == 1), (part, self.processes())
        return self.leaders(part)[0]

    def leaders(self, part: str) -> list[int]:
        return [pid for pid in self.named(part) if group(pid) == pid]

    def holder(self) -> dict[str, object]:
        return dict(json.loads((self.data_dir / "up.lock").read_text()))

    def stop(self, signum: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signum)
        code = self.process.wait(timeout=60)
        self._reading.join(timeout=10)
        if self.process.stdout:
            self.process.stdout.close()
        return code
