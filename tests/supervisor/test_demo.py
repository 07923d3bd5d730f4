"""The whole demonstration: sandbox, example rows in every state, and a reminder that arrives."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.supervisor.installation import PROJECT, Installation, clean_environ, eventually

pytestmark = pytest.mark.crash


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    data_dir = tmp_path_factory.mktemp("demo") / "data"
    # The folder is named by --data: a demonstration never takes the operator's own from the environment.
    installation = Installation(data_dir, "--demo", "--data", str(data_dir))
    try:
        installation.wait_until_ready()
        # A test that kills the sandbox may be the first.
        assert eventually(lambda: len(messages(data_dir)) == 3)
        yield installation
    finally:
        installation.stop()


def rows(data_dir: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(data_dir / "alertadmin.sqlite3")) as database:
        return database.execute(query).fetchall()


def messages(data_dir: Path) -> list[dict[str, Any]]:
    lines = (data_dir / "sandbox" / "ledger.jsonl").read_text().splitlines()
    return [entry for entry in map(json.loads, lines) if entry["kind"] == "message"]


def test_demonstration_has_every_state(demo: Installation) -> None:
    demo.wait_until_healthy()
    assert rows(demo.data_dir, "SELECT count(*) FROM registry_tenant") == [(3,)]
    days = "cast(julianday(expires_at) - julianday('now') as integer)"
    found = {row[0] for row in rows(demo.data_dir, f"SELECT {days} FROM registry_credential")}
    assert {-11, 3, 25, 200} <= found
    states = {row[0] for row in rows(demo.data_dir, "SELECT DISTINCT state FROM registry_credential")}
    assert states == {"current", "retired"}
    consents = {row[0] for row in rows(demo.data_dir, "SELECT DISTINCT status FROM registry_consent")}
    assert consents == {"granted", "not_in_token", "error"}


def test_reminders_arrive_in_the_sandbox(demo: Installation) -> None:
    assert len(messages(demo.data_dir)) == 3
    assert {message["to"][0] for message in messages(demo.data_dir)} == {
        "it@northpark.example",
        "it@harbour.example",
        "it@gone.example",
    }


def test_file_of_values_to_register_is_private(demo: Installation) -> None:
    file = demo.data_dir / "sandbox" / "to-register.txt"
    assert str(file) in demo.text
    assert file.stat().st_mode & 0o077 == 0
    value = dict(line.split(":", 1) for line in file.read_text().splitlines())["Secret value"].strip()
    assert len(value) == 40
    assert value not in demo.text


@pytest.mark.slow
def test_second_start_adds_nothing(up: Callable[..., Installation], data_dir: Path) -> None:
    first = up("--demo", "--data", str(data_dir))
    first.wait_until_ready()
    assert eventually(lambda: len(messages(data_dir)) == 3)
    counted = "SELECT (SELECT count(*) FROM registry_credential), (SELECT count(*) FROM registry_appregistration)"
    before = rows(data_dir, counted)
    first.stop()
    again = up("--demo", "--data", str(data_dir))
    again.wait_until_ready()
    assert rows(data_dir, counted) == before
    assert len(messages(data_dir)) == 3


def test_restarted_sandbox_keeps_its_ports(demo: Installation) -> None:
    clouds = (demo.data_dir / "sandbox" / "clouds.toml").read_text()
    sandbox = demo.leader("-m sandbox")
    subprocess.run(["kill", "-9", str(sandbox)], check=True)
    assert eventually(lambda: demo.named("-m sandbox") - {sandbox})
    assert (demo.data_dir / "sandbox" / "clouds.toml").read_text() == clouds


def test_real_installation_is_refused(prepared: Path) -> None:
    words = [sys.executable, "manage.py", "up", "--demo", "--data", str(prepared)]
    refused = subprocess.run(words, cwd=PROJECT, env=clean_environ(prepared), capture_output=True, text=True)
    assert refused.returncode == 1
    assert "is no demonstration" in refused.stderr
    assert refused.stderr.count("\n") == 1
