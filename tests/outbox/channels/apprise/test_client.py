"""The process that has apprise loaded: its owner, and how it exits."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from alertadmin.outbox.channels.apprise import client
from mailer.http.ssrf_guard import EgressAllowlist
from tests.mailer.https_server import Request
from tests.outbox.channels.http_server import HttpServer

ORDER = {"url": "ntfy://alerts"}
SCRIPT = """
import sys
from alertadmin.outbox.channels.apprise import client
from mailer.http.ssrf_guard import EgressAllowlist
order = {"url": f"ntfy://127.0.0.1:{sys.argv[1]}/alerts", "notice": {"subject": "S", "text": "T"}}
client.run_request(order, allowed=EgressAllowlist.parse("127.0.0.1"), seconds=20)
"""


@pytest.fixture(autouse=True)
def over() -> Iterator[None]:
    client.end()
    yield
    client.end()


def last_event() -> str:
    told = client.run_request(ORDER, allowed=EgressAllowlist(), seconds=5)
    return str(told[-1]["event"]) if told else "silent"


def test_many_at_once_share_it() -> None:
    told: list[str] = []
    threads = [threading.Thread(target=lambda: told.append(last_event())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == ["known"] * 8


def test_once_it_is_gone_another_takes_its_place() -> None:
    assert last_event() == "known"
    process = client._SERVER._process
    assert process is not None
    process.kill()
    process.wait()
    assert last_event() == "known"


@pytest.mark.crash
def test_killed_process_leaves_no_children(server: HttpServer) -> None:
    asked, left = threading.Event(), threading.Event()

    def waits(request: Request) -> bytes:
        asked.set()
        request.peer.reader.read(1)  # until the other side is gone
        left.set()
        return b""

    server.routes[""] = waits
    orderer = subprocess.Popen([sys.executable, "-c", SCRIPT, str(server.port)])
    assert asked.wait(60)
    children = _children_of(orderer.pid)
    assert children
    orderer.send_signal(signal.SIGKILL)
    orderer.wait()
    assert left.wait(10)
    for pid in children:
        _wait_until_gone(pid)


def _children_of(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as listed:
        return [int(each) for each in listed.read().split()]


def _wait_until_gone(pid: int) -> None:
    with suppress(ProcessLookupError), os.fdopen(os.pidfd_open(pid), "rb") as process:
        assert select.select([process], [], [], 10)[0], f"{pid} lives on"
