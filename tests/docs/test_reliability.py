"""docs/reliability.md names a test for each failure; each of them exists."""

from __future__ import annotations

import re

from tests.supervisor.installation import PROJECT

TEXT = (PROJECT / "docs" / "reliability.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| (F\d+) \| (.*) \|$", TEXT, re.MULTILINE))
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)


def test_each_failure_is_listed_once() -> None:
    assert re.findall(r"^\| (F\d+) ", TEXT, re.MULTILINE) == [f"F{number}" for number in range(1, len(ROWS) + 1)]
    assert len(ROWS) >= 57


def test_each_failure_has_four_cells_and_a_test_or_reason() -> None:
    for number, row in ROWS.items():
        _what, happens, test = row.split(" | ")
        assert happens, number
        assert "`tests/" in test or test.startswith(("none: ", "the same")), number


def test_each_named_test_exists() -> None:
    assert len(NAMED) > 80
    gone = [
        f"{file}::{name}"
        for file, name in NAMED
        if not (PROJECT / file).is_file() or f"def {name}(" not in (PROJECT / file).read_text(encoding="utf-8")
    ]
    assert gone == []


def test_tests_named_slow_are_slow() -> None:
    """And the other way round: what every ./test is said to run is run."""
    slow = set(re.findall(r"::(\w+)` \(slow\)", TEXT))
    for file, name in NAMED:
        source = (PROJECT / file).read_text(encoding="utf-8")
        marks = source.partition(f"def {name}(")[0].rpartition("\n\n\n")[2]
        assert (name in slow) == (re.search(r"^@pytest.mark.slow$", marks, re.MULTILINE) is not None), name
