from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.supervisor.installation import PROJECT, Installation, clean_environ, eventually


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def up(data_dir: Path) -> Iterator[Callable[..., Installation]]:
    """Starts an installation, in the test's data folder unless told otherwise; all are stopped at the end."""
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
    """One that began in a fresh folder, for all tests that look at it or kill what it starts again."""
    installation = Installation(tmp_path_factory.mktemp("standing") / "data")
    try:
        installation.wait_until_ready()
        yield installation
    finally:
        installation.stop()


@pytest.fixture
def whole(standing: Installation) -> Installation:
    """The same, when what an earlier test killed is back."""
    assert eventually(lambda: standing.answer("/readyz") == 200)
    assert eventually(lambda: len(standing.named("alertadmin.supervisor.celery_worker")) == 4)
    return standing


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder as `--setup` leaves it, to copy from: tables are made once."""
    folder = tmp_path_factory.mktemp("prepared") / "data"
    command = [sys.executable, str(PROJECT / "manage.py"), "up", "--setup"]
    subprocess.run(command, env=clean_environ(folder), check=True)
    return folder


@pytest.fixture
def running(up: Callable[..., Installation], prepared: Path, data_dir: Path) -> Installation:
    """One that a test may end."""
    shutil.copytree(prepared, data_dir)
    installation = up()
    installation.wait_until_ready()
    return installation
