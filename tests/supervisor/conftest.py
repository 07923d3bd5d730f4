from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.commands.installation import fork_server
from tests.supervisor.installation import Installation, clean_environ, eventually


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def up(data_dir: Path) -> Iterator[Callable[..., Installation]]:
    """Return a function that starts an installation, by default in the test's data folder; all are stopped at the
    end."""
    started: list[Installation] = []

    def start(*options: str, folder: Path = data_dir, port: int | None = None, **environ: str) -> Installation:
        installation = Installation(folder, *options, port=port, **environ)
        started.append(installation)
        return installation

    yield start
    for installation in started:
        installation.stop()


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation in a new folder, for all tests that inspect it or kill processes that it restarts."""
    installation = Installation(tmp_path_factory.mktemp("standing") / "data")
    try:
        installation.wait_until_ready()
        yield installation
    finally:
        installation.stop()


@pytest.fixture
def whole(standing: Installation) -> Installation:
    """The same installation, after the processes that an earlier test killed were restarted."""
    assert eventually(lambda: standing.answer("/readyz") == 200)
    assert eventually(lambda: len(standing.named("alertadmin.supervisor.celery_worker")) == 4)
    return standing


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder made by `--setup`, to copy from: the migrations run once in a test run, by the first worker that
    needs them."""
    run = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        run = run.parent
    folder = run / "prepared" / "data"
    with (run / "prepared.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            code, _out, err = fork_server().run(["up", "--setup"], clean_environ(folder))
            assert code == 0, err.decode()
    return folder


@pytest.fixture
def running(up: Callable[..., Installation], prepared: Path, data_dir: Path) -> Installation:
    """An installation that the test may stop."""
    shutil.copytree(prepared, data_dir)
    installation = up()
    installation.wait_until_ready()
    return installation
