"""What the starter collects from its programs has one form, in the terminal and in the file."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from alertadmin.environment import BadEnvironment, Environment
from alertadmin.operator_log import Event, log_event
from alertadmin.operator_log.configuration import formatter
from alertadmin.supervisor.log_output import Output
from tests.operator_log.lines import logged

FORMATS = pytest.mark.parametrize("format_name", ["text", "json"])


@pytest.fixture
def output(tmp_path: Path) -> Iterator[Callable[[str], Output]]:
    """One in the form that is asked for."""
    made: list[Output] = []

    def make(format_name: str) -> Output:
        made.append(Output(tmp_path, format_name))
        return made[-1]

    yield make
    for one in made:
        one.close()


def file_of(folder: Path) -> list[str]:
    return (folder / "alertadmin.log").read_text(encoding="utf-8").splitlines()


@FORMATS
def test_lines_in_the_log_format_are_kept(
    output: Callable[[str], Output], tmp_path: Path, capsys: pytest.CaptureFixture[str], format_name: str
) -> None:
    with logged() as lines:
        log_event(Event.SCAN_FINISHED, reminders=1)
    [ours] = lines.text if format_name == "text" else lines.json
    output(format_name).write_line("worker", ours)
    assert file_of(tmp_path) == capsys.readouterr().out.splitlines() == [ours]


@FORMATS
@pytest.mark.parametrize(
    "foreign",
    [
        "[ERROR] Unexpected exit\x1b[0m",
        "12:M 24 Nov 2026 # Can't save in background: ada@lakeside.example\u202e",
        '{"level": "INFO"}',
        "    2026-11-24T08:00:00.000Z INFO web forged",
    ],
)
def test_lines_of_other_programs_are_converted(
    output: Callable[[str], Output], tmp_path: Path, capsys: pytest.CaptureFixture[str], format_name: str, foreign: str
) -> None:
    output(format_name).write_line("broker", foreign)
    [line] = file_of(tmp_path)
    assert capsys.readouterr().out == line + "\n"
    assert line.isprintable()
    assert "ada" not in line
    if format_name == "json":
        said = json.loads(line)
        assert (said["process"], said["level"], said["logger"]) == ("broker", "INFO", "output")
    else:
        assert line.split(" ", 1)[1].startswith("INFO broker output: ")


def test_lines_in_the_log_format_are_escaped(output: Callable[[str], Output], tmp_path: Path) -> None:
    output("text").write_line("web", "2026-11-24T08:00:00.000Z INFO web scan.finished \x9b31m")
    assert file_of(tmp_path)[0].isprintable()


def test_terminal_texts_are_not_in_json_output(
    output: Callable[[str], Output], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output("json").show("Ctrl-C stops it.")
    assert capsys.readouterr() == ("", "Ctrl-C stops it.\n")
    output("text").show("Ctrl-C stops it.")
    assert capsys.readouterr() == ("Ctrl-C stops it.\n", "")


def test_supervisors_own_lines_are_written_too(
    output: Callable[[str], Output], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    before = root.handlers[:]
    try:
        output("text").take_log()
        logging.getLogger("alertadmin.x").warning("said")
    finally:
        root.handlers = before
    [line] = file_of(tmp_path)
    assert line.endswith("alertadmin.x: said")
    assert capsys.readouterr().out == line + "\n"


def test_unwritable_file_is_ignored(
    output: Callable[[str], Output], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "alertadmin.log").mkdir()
    output("text").write_line("web", "x")
    assert capsys.readouterr().out.endswith("INFO web output: x\n")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("LOG_FORMAT", "xml", 'ALERTADMIN_LOG_FORMAT must be one of text, json; it is "xml".'),
        (
            "LOG_LEVEL",
            "LOUD",
            'ALERTADMIN_LOG_LEVEL must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL; it is "LOUD".',
        ),
    ],
)
def test_invalid_log_setting_is_refused(tmp_path: Path, name: str, value: str, said: str) -> None:
    environment = Environment(tmp_path, {f"ALERTADMIN_{name}": value})
    with pytest.raises(BadEnvironment) as refused:
        _ = environment.log_format, environment.log_level
    assert str(refused.value) == said


@FORMATS
def test_each_format_has_a_formatter(format_name: str) -> None:
    assert format_name in type(formatter(format_name)).__name__.lower()
