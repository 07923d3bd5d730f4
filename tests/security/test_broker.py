"""The broker: a warning if other machines can reach it, and only JSON is accepted from the queue. Programs leave no
core dump."""

from __future__ import annotations

import os
import pickle
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from django.core.checks import run_checks
from kombu.exceptions import ContentDisallowed
from pytest_django import Settings

from alertadmin.celery import app
from alertadmin.monitoring.broker import unprotected
from alertadmin.supervisor import parent_death_signal
from tests.conftest import set_environment
from tests.helpers.valkey import Valkey


class Trap:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.control(62)
def test_what_somebody_pickled_is_refused_without_being_opened(tmp_path: Path) -> None:
    trap = pickle.dumps(Trap(tmp_path / "sprung"))
    with Valkey(tmp_path / "valkey") as valkey:
        # Configured as the worker is, at another broker.
        worker = Celery("alertadmin")
        worker.conf.update(accept_content=app.conf.accept_content, broker_url=valkey.url)
        refused: list[Exception] = []
        with worker.connection_for_read() as connection:
            producer = connection.Producer(routing_key="celery")
            for body, kind in ((trap, "application/x-python-serialize"), (b"{}", "application/json")):
                producer.publish(body, content_type=kind, content_encoding="binary")
            taken: list[Any] = []

            def refuse(message: Any, error: Exception) -> None:
                refused.append(error)
                message.reject()

            def take(body: Any, message: Any) -> None:
                taken.append(body)
                message.ack()

            with worker.amqp.TaskConsumer(connection.default_channel, on_decode_error=refuse, callbacks=[take]):
                while len(refused) + len(taken) < 2:
                    connection.drain_events(timeout=5)
    assert taken == [{}]
    assert [type(error) for error in refused] == [ContentDisallowed]
    assert not (tmp_path / "sprung").exists()


@pytest.mark.control(62)
@pytest.mark.parametrize(
    ("url", "is_open"),
    [
        ("redis://broker.northpark.example:6379/0", True),
        ("rediss://broker.northpark.example", True),
        ("redis://10.0.0.5", True),
        ("redis://[2001:db8::5]:6379", True),
        ("redis://0.0.0.0", True),
        ("redis://name@broker.northpark.example", True),
        ("redis://:hush@broker.northpark.example", False),
        ("redis://name:hush@10.0.0.5/1", False),
        ("rediss://broker.northpark.example?ssl_certfile=/etc/ours.pem", False),
        ("redis://127.0.0.1:6379", False),
        ("redis://[::1]:6379", False),
        ("redis://localhost/0", False),
        ("redis+socket:///run/broker.sock?virtual_host=0", False),
        ("", False),
    ],
)
def test_a_broker_without_a_password_is_warned_of_where_others_reach_it(
    settings: Settings, url: str, is_open: bool
) -> None:
    assert bool(unprotected(url)) == is_open
    assert "hush" not in unprotected(url)
    set_environment(settings, REDIS_URL=url)
    assert ("alertadmin.W001" in {message.id for message in run_checks()}) == is_open


@pytest.mark.control(65)
def test_no_program_of_ours_leaves_its_memory_in_a_file() -> None:
    """Web, worker, broker and the sandbox are each begun by it, and their children with them."""
    shown = [sys.executable, "-c", "import resource; print(resource.getrlimit(resource.RLIMIT_CORE))"]
    tied = [sys.executable, "-I", "-S", parent_death_signal.__file__, str(int(signal.SIGKILL)), str(os.getpid())]
    done = subprocess.run([*tied, *shown], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(0, 0)"
    assert resource.getrlimit(resource.RLIMIT_CORE)[1] != 0, "or it proves nothing"
