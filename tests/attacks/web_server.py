"""The web program as `./run` starts it, without a database; and slow clients."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import time
from pathlib import Path

from alertadmin.environment import Environment
from alertadmin.supervisor import programs
from tests.supervisor.installation import PROJECT, clean_environ, eventually, free_port

WITHIN = 1.0
"""Seconds within which /healthz must answer under any load."""


class WebServer:
    def __init__(self, data_dir: Path, **environ: str) -> None:
        self.port = free_port()
        self.context: ssl.SSLContext | None = None
        values = {"ALERTADMIN_BIND": f"127.0.0.1:{self.port}", **environ}
        program = programs.web(Environment(data_dir, values))
        self._log = (data_dir / "web.log").open("wb")
        self._process = subprocess.Popen(
            program.command,
            env=clean_environ(data_dir, **values),
            cwd=PROJECT,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_until_ready(self) -> None:
        assert eventually(lambda: self.is_open() or self._process.poll() is not None), "it does not start"
        assert self._process.poll() is None, Path(self._log.name).read_text()

    def is_open(self) -> bool:
        try:
            self.connect().close()
        except OSError:
            return False
        return True

    def connect(self) -> socket.socket:
        """With TLS, if the server speaks it."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        return self.context.wrap_socket(plain, server_hostname="localhost") if self.context else plain

    def open_many(self, count: int, first_bytes: bytes) -> list[socket.socket]:
        opened = []
        for _number in range(count):
            opened.append(self.connect())
            opened[-1].sendall(first_bytes)
        return opened

    def ask(self, request: bytes) -> bytes:
        """All that comes until the server closes the connection."""
        with self.connect() as connection:
            connection.sendall(request)
            answer = bytearray()
            while piece := connection.recv(65_536):
                answer += piece
        return bytes(answer)

    def seconds_of_healthz(self) -> float:
        """Of the quickest of three: a machine that has much else to do delays one."""
        seconds = []
        for _again in range(3):
            began = time.monotonic()
            answer = self.ask(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200"), answer[:200]
            seconds.append(time.monotonic() - began)
        return min(seconds)

    def stop(self) -> float:
        """Seconds until it has ended."""
        began = time.monotonic()
        self._process.terminate()
        self._process.wait(timeout=30)
        self._log.close()
        return time.monotonic() - began


def resident_bytes(pid: int) -> int:
    """Of a process and its children."""
    total = 0
    for one in (pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())):
        total += int(Path(f"/proc/{one}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return total
