"""The table of controls is complete: each is verified by a test or argued, and no mark names a missing one."""

from __future__ import annotations

from pathlib import Path

from tests.security.controls import marked, read


def test_they_are_numbered_in_order_and_each_mark_names_one() -> None:
    assert list(read()) == sorted(read())
    assert set(range(1, 69)) <= set(read())


def test_each_is_held_by_a_test_or_argued() -> None:
    assert [one.number for one in read().values() if not one.tests and not one.argument] == []


def test_what_is_argued_says_why() -> None:
    argued = {one.number: one.argument for one in read().values() if one.argument}
    assert len(argued) < 10
    assert all(len(argument.split()) > 15 for argument in argued.values())


def test_a_mark_is_found_wherever_it_stands(tmp_path: Path) -> None:
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "test_it.py").write_text(
        "import pytest\n"
        "pytestmark = [pytest.mark.slow, pytest.mark.control(1, 2)]\n"
        "@pytest.mark.control(2, 3)\ndef test_one(): ...\n"
        "@pytest.mark.control(4)\nclass TestMore:\n    @pytest.mark.control(5)\n    def test_two(self): ...\n"
        "@pytest.mark.control(6)\ndef not_a_test(): ...\n"
    )
    one, two = "tests/test_it.py::test_one", "tests/test_it.py::TestMore::test_two"
    assert [*marked(tests)] == [(one, 1), (one, 2), (one, 3), (two, 1), (two, 2), (two, 4), (two, 5)]
