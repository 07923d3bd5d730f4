"""The script `./run` without a virtual environment, and the lock files."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.supervisor.installation import PROJECT

TOOLS = ("bash", "dirname", "readlink", "cat", "id")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The files of a clone that `./run` needs, and a folder of programs without Python."""
    for name in ("run", "scripts/venv.sh", "requirements.lock"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(PROJECT / name, tmp_path / name)
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool) or tool)
    return tmp_path


def run(checkout: Path, *options: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": str(checkout / "bin"), "HOME": str(checkout)}
    return subprocess.run(["bash", "./run", *options], cwd=checkout, env=environ, capture_output=True, text=True)


def test_missing_python_is_reported(checkout: Path) -> None:
    refused = run(checkout)
    assert refused.returncode == 1
    assert refused.stderr.splitlines() == [
        "alertadmin needs Python 3.11 or newer; this machine has none. On Debian: apt-get install python3 python3-venv"
    ]


def test_old_python_is_reported(checkout: Path) -> None:
    old = checkout / "bin" / "python3"
    old.write_text('#!/bin/sh\ncase "$2" in *version_info[*) echo 3.9;; *) exit 1;; esac\n')
    old.chmod(0o755)
    refused = run(checkout)
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "this machine has 3.9" in refused.stderr


def test_help_works_without_installation(checkout: Path) -> None:
    shown = run(checkout, "--help")
    assert shown.returncode == 0
    assert "--demo" in shown.stdout
    assert not (checkout / ".venv").exists()


def test_locks_have_the_same_versions() -> None:
    """./test and ./run share one environment: each lock must name the same versions."""
    program, tests = (pins(PROJECT / name) for name in ("requirements.lock", "requirements-test.lock"))
    assert program
    assert {name: version for name, version in program.items() if tests.get(name) != version} == {}


@pytest.mark.control(64)
@pytest.mark.parametrize("name", ["requirements.lock", "requirements-test.lock"])
def test_lock_has_hashes_and_no_registry(name: str) -> None:
    text = (PROJECT / name).read_text()
    assert "://" not in text
    assert not re.search(r"^--", text, re.MULTILINE)
    for block in re.split(r"\n(?=\S)", text.strip()):
        assert block.startswith("#") or "--hash=sha256:" in block, block


def test_scripts_are_executable() -> None:
    for name in ("run", "test", ".ci/run"):
        assert os.access(PROJECT / name, os.X_OK)


def pins(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock.read_text(), re.MULTILINE))
