from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import Sandbox
from tests.commands.backups import backup, elsewhere, its_own_programs, used
from tests.commands.databases import database
from tests.commands.installation import Installation
from tests.commands.seed import Customers

__all__ = ["backup", "elsewhere", "its_own_programs", "used"]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation that was used once, to copy from."""
    folder = tmp_path_factory.mktemp("prepared") / "data"
    with database() as environ:
        installation = Installation(folder, environ)
        assert installation.run("check_consent").code == 0
        yield installation


@pytest.fixture
def fresh(tmp_path: Path, running_sandbox: Sandbox) -> Iterator[Installation]:
    """An installation in which no command was run; its clouds file names the sandbox."""
    with database() as environ:
        yield Installation(tmp_path / "data", {**environ, "ALERTADMIN_CLOUDS_FILE": str(running_sandbox.clouds_file)})


@pytest.fixture
def installation(prepared: Installation, tmp_path: Path, running_sandbox: Sandbox) -> Iterator[Installation]:
    """A prepared installation without rows."""
    running_sandbox.faults.clear()
    shutil.copytree(prepared.folder, tmp_path / "data")
    with database(template=prepared.environ.get("ALERTADMIN_DATABASE_URL", "")) as environ:
        yield Installation(tmp_path / "data", {**environ, "ALERTADMIN_CLOUDS_FILE": str(running_sandbox.clouds_file)})
    running_sandbox.faults.clear()


@pytest.fixture
def customers(running_sandbox: Sandbox, tmp_path: Path) -> Customers:
    return Customers(running_sandbox, tmp_path / "customers.csv")
