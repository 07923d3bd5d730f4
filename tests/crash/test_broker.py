"""The broker forgets, or remembers too much: nothing is lost and nothing repeated, because nothing rests on it."""

from __future__ import annotations

import contextlib
import shutil
import socketserver
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from alertadmin.celery import app
from alertadmin.outbox.queue.broker_outage import REPEATED_AFTER, BrokerOutage
from tests.crash.scenario import SCAN, World
from tests.helpers.valkey import Valkey
from tests.supervisor.installation import eventually

pytestmark = pytest.mark.crash

MakeWorld = Callable[..., World]


def test_the_clock_rings_each_half_minute() -> None:
    assert app.conf.beat_schedule["deliver"]["schedule"] <= 60
    assert app.conf.beat_schedule["scan"]["schedule"] <= 3600


@pytest.mark.slow
def test_delivery_without_wakeup_is_found_by_beat(make_world: MakeWorld) -> None:
    """The broker was emptied just after the scan had sent its task."""
    world = make_world(recipients=2)
    assert world.valkey
    dying = world.start_worker("scan-committed")
    world.ring(SCAN)
    assert eventually(lambda: dying.poll() is not None)
    with world.valkey.client() as client:
        client.flushall()
    world.start_worker()
    assert eventually(world.is_settled, 60), world.state()
    verdict = world.verdict()
    assert (verdict.is_kept, verdict.twice) == (True, 0), verdict


@pytest.mark.slow
def test_restored_broker_repeats_nothing(make_world: MakeWorld, tmp_path: Path) -> None:
    world = make_world(recipients=2)
    valkey, yesterday = world.valkey, tmp_path / "yesterday"
    assert valkey
    for _number in range(3):
        world.ring(SCAN)
        world.ring()
    valkey.kill()
    shutil.copytree(valkey.folder, yesterday)
    valkey.start()
    worker = world.start_worker()
    world.settle()
    world.kill(worker)
    valkey.kill()
    shutil.rmtree(valkey.folder)
    shutil.copytree(yesterday, valkey.folder)
    valkey.start()
    assert valkey.waiting() == 6
    world.start_worker()
    assert eventually(lambda: valkey.waiting() == 0)
    world.settle()
    verdict = world.verdict()
    assert (verdict.is_kept, verdict.twice) == (True, 0), verdict


@pytest.mark.parametrize("kills", [3, pytest.param(30, marks=pytest.mark.slow)])
def test_a_worker_outlives_its_broker_any_number_of_times(make_world: MakeWorld, kills: int) -> None:
    """The same process reconnects; it logs one line when the broker goes and one when it is back."""
    world = make_world()
    worker = world.start_worker()
    hears(world, worker)
    assert world.valkey
    for number in range(1, kills + 1):
        for _task in range(20):
            world.ring()
        world.valkey.kill()
        assert eventually(lambda: lines(world, "broker.away") == number), world.state()  # noqa: B023
        world.valkey.start()
        hears(world, worker)
        assert lines(world, "broker.back") == number
    assert len(log_of(world)) == 2 * kills, world.state()


BROKEN_ONCE = """
from kombu.transport.redis import Channel
from alertadmin.supervisor import celery_worker

read = Channel._brpop_read

def broken(self, **options):
    Channel._brpop_read = read
    raise AttributeError("'NoneType' object has no attribute 'hostname'")

Channel._brpop_read = broken
celery_worker.main()
"""


def test_an_error_that_the_broker_s_client_does_not_know_ends_no_worker(make_world: MakeWorld) -> None:
    """As kombu raises it where a message is acknowledged on a channel that was closed with its connection."""
    world = make_world()
    worker = world.start_worker(program=["-c", BROKEN_ONCE])
    assert eventually(lambda: lines(world, 'broker.away error="AttributeError') == 1), world.state()
    hears(world, worker)


@contextmanager
def full(valkey: Valkey) -> Iterator[None]:
    """It accepts no writes, but still answers reads."""
    with valkey.client() as client:
        client.config_set("maxmemory", 1)
    yield
    with valkey.client() as client:
        client.config_set("maxmemory", 0)


@contextmanager
def emptied(valkey: Valkey) -> Iterator[None]:
    """Another one is in its place, that knows nothing."""
    valkey.kill()
    shutil.rmtree(valkey.folder)
    valkey.folder.mkdir()
    valkey.start()
    yield


@contextmanager
def password_changed(valkey: Valkey) -> Iterator[None]:
    """And all who were let in before are shut out."""
    with valkey.client() as client:
        client.config_set("requirepass", "another")
        client.client_kill_filter(_type="normal", skipme=True)
    yield
    with valkey.client(password="another") as client:
        client.config_set("requirepass", "")


@contextmanager
def garbage(valkey: Valkey) -> Iterator[None]:
    """Something else listens in its place."""

    class Answer(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                while self.request.recv(4096):
                    self.request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    valkey.kill()
    with Server(("127.0.0.1", valkey.port), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()
    valkey.start()


@pytest.mark.parametrize("trouble", [full, emptied, password_changed, garbage], ids=lambda trouble: trouble.__name__)
def test_a_worker_outlives_what_its_broker_does(
    make_world: MakeWorld, trouble: Callable[[Valkey], contextlib.AbstractContextManager[None]]
) -> None:
    world = make_world()
    worker = world.start_worker()
    hears(world, worker)
    assert world.valkey
    with trouble(world.valkey):
        if trouble in (password_changed, garbage):
            assert eventually(lambda: lines(world, "broker.away") >= 1), world.state()
    hears(world, worker)
    assert len(log_of(world)) <= 2, world.state()


def hears(world: World, worker: subprocess.Popen[bytes]) -> None:
    """The same worker runs the tasks that are sent now."""
    valkey = world.valkey
    assert valkey
    assert eventually(lambda: rings(world)), world.state()
    assert eventually(lambda: valkey.waiting() == 0), world.state()
    assert worker.poll() is None, world.state()


def rings(world: World) -> bool:
    try:
        world.ring()
    except Exception:
        return False
    return True


OTHER_EVENTS = ("process.", "part.changed", "scan.", "delivery.", "attempt.", "retention.")


def log_of(world: World) -> list[str]:
    """Without the events that have nothing to do with the broker."""
    written = (world.folder / "worker.log").read_text().splitlines()
    return [line for line in written if not any(f" {event}" in line for event in OTHER_EVENTS)]


def lines(world: World, text: str) -> int:
    return sum(text in line for line in log_of(world))


def test_a_long_outage_is_a_line_each_ten_minutes(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    outage = BrokerOutage(lambda: now)
    for _second in range(3600):
        outage.failed(OSError(111, "Connection refused"))
        now += 1
    outage.connected()
    outage.connected()
    lines = [(record.event, record.fields) for record in caplog.records]  # type: ignore[attr-defined]
    refused = "ConnectionRefusedError: [Errno 111] Connection refused"
    away = [("broker.away", {"error": refused, "since_s": since}) for since in range(0, 3600, int(REPEATED_AFTER))]
    assert lines == [*away, ("broker.back", {"after_s": 3600})]
