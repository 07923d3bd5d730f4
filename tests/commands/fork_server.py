"""Start `manage.py` as real processes without importing Django, Celery, msal and exchangelib in each.

A server process imports what reads no settings, and forks for each command. The child then is what `python manage.py`
would be: its own arguments, environment, streams, settings and exit code. It costs 0.3 s of CPU instead of 0.7.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from tempfile import TemporaryFile

from tests.supervisor.installation import PROJECT

PRELOADED = (
    "celery",
    "css_inline",
    "cryptography.x509",
    "dj_database_url",
    "django.core.management",
    "django.core.serializers.json",
    "django.db.backends.sqlite3.base",
    "django.db.migrations.executor",
    "django.db.models",
    "django.template.loader",
    "django.views.generic",
    "exchangelib",
    "fido2.server",
    "icalendar",
    "kombu",
    "mailer.clouds_config",
    "mailer.diagnosis",
    "mailer.app_identity",
    "mailer.transports",
    "msal",
    "redis.asyncio",
    "requests",
)
"""Modules that read no settings and no installation's environment when they are imported."""

LARGEST_REQUEST = 1_000_000
PATIENCE = 120
"""Seconds that a command may take; the machine may be busy with other tests."""


class ForkServer:
    """The client in the test process; one command runs at a time."""

    def __init__(self) -> None:
        self._connection, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LARGEST_REQUEST)
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())], cwd=PROJECT, pass_fds=[theirs.fileno()]
            )

    def close(self) -> None:
        self._connection.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def run(
        self, arguments: Sequence[str], environ: dict[str, str], stdin: bytes = b"", timeout: float = PATIENCE
    ) -> tuple[int, bytes, bytes]:
        """Exit code, stdout and stderr of `manage.py` with these arguments. Raises TimeoutError after `timeout`."""
        self._connection.settimeout(timeout)
        with ExitStack() as stack:
            files = [stack.enter_context(TemporaryFile()) for _stream in range(3)]
            files[0].write(stdin)
            files[0].seek(0)
            request = json.dumps({"arguments": list(arguments), "environ": environ}).encode()
            socket.send_fds(self._connection, [request], [file.fileno() for file in files])
            code = int(self._connection.recv(64))
            for file in files[1:]:
                file.seek(0)
            return code, files[1].read(), files[2].read()


def serve(connection: socket.socket) -> list[str]:
    """Fork for each request. Returns only in the children, with their arguments."""
    while True:
        request, streams, _flags, _address = socket.recv_fds(connection, LARGEST_REQUEST, 3)
        if not request:
            sys.exit()
        pid = os.fork()
        if pid == 0:
            connection.close()
            return _become(json.loads(request), streams)
        for stream in streams:
            os.close(stream)
        _pid, status = os.waitpid(pid, 0)
        connection.send(str(os.waitstatus_to_exitcode(status)).encode())


def _become(request: dict[str, object], streams: list[int]) -> list[str]:
    environ, arguments = request["environ"], request["arguments"]
    assert isinstance(environ, dict)
    assert isinstance(arguments, list)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(environ)
    return arguments


if __name__ == "__main__":
    for name in PRELOADED:
        importlib.import_module(name)
    manage = str(PROJECT / "manage.py")
    sys.argv = [manage, *serve(socket.socket(fileno=int(sys.argv[1])))]
    # In the child: what follows, to the end of the interpreter, is what follows in any `python manage.py`.
    runpy.run_path(manage, run_name="__main__")
