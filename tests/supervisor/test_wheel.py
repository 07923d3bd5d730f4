"""The wheel, installed into an environment of its own and started in an empty folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.supervisor.installation import PROJECT, Installation, clean_environ, eventually

SOURCES = ("setup.py", "pyproject.toml", "README.md", "LICENSE")
FOLDERS = ("alertadmin", "mailer", "sandbox", "templates", "static", "locale")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The command `alertadmin` of a fresh environment, which has the wheel and the libraries of this one."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"  # a copy: the build writes into it
    source.mkdir()
    for name in SOURCES:
        shutil.copy(PROJECT / name, source)
    for name in FOLDERS:
        shutil.copytree(PROJECT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    offline = ("--no-index", "--no-deps")
    built = ("wheel", *offline, "--no-build-isolation", "--wheel-dir", str(folder), str(source))
    subprocess.run([*pip, *built], check=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    python = folder / "venv" / "bin" / "python"
    [wheel] = folder.glob("alertadmin-*.whl")
    subprocess.run([*pip, "--python", str(python), "install", *offline, str(wheel)], check=True)
    [site_packages] = (folder / "venv" / "lib").glob("python*/site-packages")
    (site_packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return str(folder / "venv" / "bin" / "alertadmin")


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("empty")


@pytest.fixture(scope="module")
def migrated(program: str, empty: Path) -> Path:
    run(program, empty, "up", "--setup")
    run(program, empty, "migrate", "--check")
    return empty / "var"


@pytest.fixture(scope="module")
def installation(program: str, migrated: Path) -> Iterator[Installation]:
    installation = InstalledWheel(program, migrated)
    try:
        installation.wait_until_ready()
        yield installation
    finally:
        installation.stop()


class InstalledWheel(Installation):
    def __init__(self, program: str, data_dir: Path) -> None:
        self.program = [program]
        self.cwd = data_dir.parent
        super().__init__(data_dir)


def run(program: str, cwd: Path, *words: str) -> str:
    environ = clean_environ(cwd)
    del environ["ALERTADMIN_DATA_DIR"]
    ran = subprocess.run([program, *words], cwd=cwd, env=environ, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_data_folder_is_in_the_current_folder(migrated: Path) -> None:
    assert (migrated / "alertadmin.sqlite3").exists()


def test_system_checks_pass(program: str, empty: Path, migrated: Path) -> None:
    assert "no issues" in run(program, empty, "check")


def test_commands_speak_french(program: str, empty: Path) -> None:
    """The catalogue is in the wheel."""
    environ = {**os.environ, "ALERTADMIN_DATA_DIR": str(empty / "var"), "ALERTADMIN_LANGUAGE": "fr"}
    command = [program, "diagnose", "AADSTS7000222: The provided client secret keys for app are expired."]
    ran = subprocess.run(command, cwd=empty, env=environ, capture_output=True, text=True)
    assert "secret client" in ran.stdout, ran.stdout + ran.stderr


def test_server_is_healthy(installation: Installation) -> None:
    assert installation.answer("/healthz") == 200


def test_page_and_its_style_sheet_are_served(installation: Installation) -> None:
    with urllib.request.urlopen(installation.url + "/sign-in/", timeout=10) as response:
        page = response.read().decode()
    [path] = {part for part in page.split('"') if part.endswith("/alertadmin/site.css")}
    assert installation.answer(path) == 200


def test_worker_and_scheduler_run(installation: Installation) -> None:
    assert eventually(lambda: installation.answer("/readyz") == 200)
