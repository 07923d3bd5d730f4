"""`python -m benchmarks` as a whole, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from alertadmin.paths import PROJECT
from benchmarks.machine import description
from benchmarks.registry import CATALOG


def run(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *options]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120)


@pytest.mark.slow
def test_benchmark_prints_its_row_and_the_machine(tmp_path: Path) -> None:
    done = run("--quick", "--only", "decrypt", "--json", "--folder", str(tmp_path))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [row["bare"] for row in told["rows"]] == ["AES-GCM alone", "Fernet"]
    assert all(len(row["ours_seconds"]) == len(row["bare_seconds"]) >= 3 for row in told["rows"])
    assert told["failed"] == []
    assert "cores" in told["machine"]
    assert "synchronous=FULL" in told["machine"]
    assert list(tmp_path.iterdir()) == []


def test_unknown_benchmark_is_refused() -> None:
    refused = run("--only", "nonsense")
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert all(one.name in refused.stderr for one in CATALOG)


def test_help_names_every_benchmark() -> None:
    shown = run("--help").stdout
    assert all(one.name in shown and one.question in shown for one in CATALOG)


def test_machine_is_described_with_the_cost_of_a_commit(tmp_path: Path) -> None:
    assert "fsync" in description(tmp_path)
    assert list(tmp_path.iterdir()) == []
