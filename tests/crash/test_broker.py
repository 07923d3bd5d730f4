"""The broker forgets, or remembers too much: nothing is lost and nothing repeated, because nothing rests on it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from alertadmin.celery import app
from tests.crash.world import SCAN, World
from tests.start.installation import eventually

pytestmark = pytest.mark.crash

MakeWorld = Callable[..., World]


def test_the_clock_rings_each_half_minute() -> None:
    assert app.conf.beat_schedule["deliver"]["schedule"] <= 60
    assert app.conf.beat_schedule["scan"]["schedule"] <= 3600


@pytest.mark.slow
def test_what_nobody_rings_for_is_found_by_the_clock(make_world: MakeWorld) -> None:
    """The broker was emptied just when the scan had rung."""
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
def test_a_broker_put_back_from_an_old_copy_repeats_nothing(make_world: MakeWorld, tmp_path: Path) -> None:
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
