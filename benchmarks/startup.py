"""Start times with everything installed: until `/readyz` returns 200, and of a command without network access."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field

from alertadmin.paths import PROJECT
from benchmarks.installation import Stand
from benchmarks.report import Aim, ReportRow
from benchmarks.sizes import Effort
from benchmarks.timing import Side, interleaved

PATIENCE = 60.0
BETWEEN_TRIES = 0.005
TEXT = "AADSTS7000222: The provided client secret keys for app are expired."


@dataclass
class StartedServer:
    """Start a program that serves HTTP, wait until it responds, and end it."""

    command: list[str]
    path: str
    environ: dict[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None

    def until_ready(self) -> None:
        port = _free_port()
        command = [word.replace("PORT", str(port)) for word in self.command]
        self._process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env={**_environ(), **self.environ},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        )
        deadline = time.monotonic() + PATIENCE
        while not _answers(port, self.path):
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise AssertionError(f"{' '.join(command)} does not answer")
            time.sleep(BETWEEN_TRIES)

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(PATIENCE)


def starts(stand: Stand, effort: Effort) -> list[ReportRow]:
    data = stand.folder / "start"
    up = StartedServer(
        [sys.executable, "manage.py", "up", "--port", "PORT"],
        "/readyz",
        {"ALERTADMIN_DATA_DIR": str(data), "ALERTADMIN_DATABASE_URL": ""},
    )
    served = "benchmarks.baselines.noop_wsgi:application"
    nothing = StartedServer(
        [*(sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1"), "--port", "PORT", served],
        "/",
    )
    first = Side(up.until_ready, before=lambda: shutil.rmtree(data, ignore_errors=True), after=up.stop)
    again = Side(up.until_ready, after=up.stop)
    bare = Side(nothing.until_ready, after=nothing.stop)
    what = "granian with a page that says nothing"
    repeats = effort.few_repeats
    return [
        ReportRow("first start, until ready", what, interleaved(first, bare, repeats), Aim(seconds_at_most=60)),
        ReportRow("later start, until ready", what, interleaved(again, bare, repeats), Aim(seconds_at_most=3)),
        _command(effort),
    ]


def _command(effort: Effort) -> ReportRow:
    ours = Side(lambda: _run("manage.py", "diagnose", TEXT))
    bare = Side(lambda: _run("-c", "import django.core.management"))
    times = interleaved(ours, bare, effort.repeats)
    return ReportRow("manage.py diagnose", "Python and Django's import", times, Aim(seconds_at_most=1))


def _run(*words: str) -> None:
    subprocess.run([sys.executable, *words], cwd=PROJECT, env=_environ(), check=True, stdout=subprocess.DEVNULL)


def _environ() -> dict[str, str]:
    """Return the environment without the variables of this process's installation."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("ALERTADMIN_", "DJANGO_"))}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
