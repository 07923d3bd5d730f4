"""Waking the worker: immediate, and the caller neither waits nor fails."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from types import TracebackType

import pytest

from tests.helpers.valkey import Valkey
from tests.supervisor.installation import PROJECT, clean_environ, eventually


class Saver:
    """`tests.outbox.slow_writer` in a process of its own, with a data folder and a broker."""

    def __init__(self, data_dir: Path, broker_url: str) -> None:
        self.data_dir = data_dir
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.outbox.slow_writer"],
            cwd=PROJECT,
            env=clean_environ(data_dir, ALERTADMIN_REDIS_URL=broker_url, DJANGO_SETTINGS_MODULE="alertadmin.settings"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Saver:
        assert self._answer() == "ready"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.communicate()

    def _answer(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def save(self, recipient: str = "me@northpark.example") -> float:
        """Seconds that it took."""
        assert self.process.stdin
        self.process.stdin.write(f"{recipient}\n")
        self.process.stdin.flush()
        return float(self._answer())

    def saved(self) -> int:
        with closing(sqlite3.connect(self.data_dir / "alertadmin.sqlite3")) as database:
            return int(database.execute("SELECT count(*) FROM outbox_delivery WHERE state = 'pending'").fetchone()[0])


@contextmanager
def broker_that_is_dead() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def broker_that_never_answers() -> Iterator[str]:
    """Takes every connection, and that is all."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"


@pytest.mark.parametrize("broker", [broker_that_is_dead, broker_that_never_answers], ids=lambda broker: broker.__name__)
def test_saving_waits_for_no(broker: Callable[[], AbstractContextManager[str]], tmp_path: Path) -> None:
    with broker() as url, Saver(tmp_path / "data", url) as saver:
        assert [seconds for _number in range(5) if (seconds := saver.save()) >= 1] == []
        assert saver.saved() == 5


def test_a_broker_that_is_full_delays_no_page_and_hears_again_when_it_has_room(tmp_path: Path) -> None:
    """As it is at `maxmemory` under the policy `noeviction`."""
    with Valkey(tmp_path / "broker") as broker, Saver(tmp_path / "data", broker.url) as saver:
        with broker.client() as client:
            client.config_set("maxmemory", 1)
            assert saver.save() < 1
            assert saver.save() < 1
            assert broker.waiting() == 0
            client.config_set("maxmemory", 0)
        saver.save()
        assert eventually(lambda: broker.waiting() > 0)
        assert saver.saved() == 3


def test_a_ring_is_heard_at_once_and_again_when_the_broker_was_away(tmp_path: Path) -> None:
    with Valkey(tmp_path / "broker") as broker, Saver(tmp_path / "data", broker.url) as saver:
        saver.save()
        assert eventually(lambda: broker.waiting() == 1)
        broker.kill()
        assert saver.save() < 1
        broker.start()
        heard = broker.waiting()
        saver.save()
        assert eventually(lambda: broker.waiting() > heard)
        assert saver.saved() == 3
