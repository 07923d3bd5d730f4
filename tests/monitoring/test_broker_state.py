"""The broker as it is: answers, is away, says nothing sensible, or cannot write to its disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

from alertadmin.monitoring import broker
from alertadmin.monitoring.health_checks import Broker
from tests.conftest import set_environment
from tests.helpers.valkey import Valkey
from tests.mailer.tcp_server import Listener, Peer
from tests.supervisor.installation import free_port


class Speaking(Listener):
    """Answers each line with one of its own."""

    def __init__(self, answer: bytes) -> None:
        super().__init__()
        self.answer = answer

    def converse(self, peer: Peer) -> None:
        while peer.reader.readline():
            peer.send(self.answer)


def test_one_that_runs_and_one_that_was_killed(settings: Settings, tmp_path: Path) -> None:
    with Valkey(tmp_path / "valkey") as valkey:
        set_environment(settings, REDIS_URL=valkey.url)
        assert broker.state() is Broker.ANSWERS
        valkey.kill()
        assert broker.state() is Broker.SILENT


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (b"-MISCONF Errors writing to the AOF file: No space left on device\r\n", Broker.CANNOT_WRITE),
        (b"-MISCONF Valkey is configured to save RDB snapshots, but it's unable to persist\r\n", Broker.CANNOT_WRITE),
        (b"-NOAUTH Authentication required.\r\n", Broker.SILENT),
        (b"-LOADING Valkey is loading the dataset in memory\r\n", Broker.SILENT),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", Broker.SILENT),
    ],
    ids=["append-only file", "snapshot", "password", "loading", "another program"],
)
def test_what_it_answers(settings: Settings, answer: bytes, state: Broker) -> None:
    with Speaking(answer) as listening:
        set_environment(settings, REDIS_URL=f"redis://127.0.0.1:{listening.port}/0")
        assert broker.state() is state


@pytest.mark.parametrize("url", ["redis://no-such-host.invalid:6379", "nonsense://x", "redis://127.0.0.1:port"])
def test_an_address_that_leads_nowhere(settings: Settings, url: str) -> None:
    set_environment(settings, REDIS_URL=url)
    assert broker.state() is Broker.SILENT


def test_nothing_listens(settings: Settings) -> None:
    set_environment(settings, REDIS_URL=f"redis://127.0.0.1:{free_port()}")
    assert broker.state() is Broker.SILENT
