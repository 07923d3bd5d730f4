"""How many files of ours a reader must step through to follow three common walks (benchmarks/hops.py)."""

from __future__ import annotations

import re
import subprocess
import sys

from alertadmin.paths import PROJECT
from benchmarks.hops import LIMITS, traced
from mailer.email_address import ascii_host


def test_no_walk_enters_more_files_than_its_limit() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.hops", "--files"], cwd=PROJECT, capture_output=True, text=True, timeout=300
    )
    found = dict(re.findall(r"^(.+): (\d+) files", done.stdout, re.MULTILINE))
    assert found.keys() == LIMITS.keys(), done.stderr
    assert {name: int(files) for name, files in found.items() if int(files) > LIMITS[name]} == {}, done.stdout
    assert done.returncode == 0


def test_profiler_counts_files_of_ours_alone() -> None:
    walk = traced(lambda: ascii_host("mail.example"))
    assert walk.files == {"mailer/email_address.py"}
    assert walk.calls == 0
