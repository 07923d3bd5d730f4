from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.start.installation import Installation


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


@pytest.fixture
def running(up: Callable[..., Installation]) -> Installation:
    installation = up()
    installation.wait_until_ready()
    return installation
