"""Writing a line neither raises nor waits; what is said again and again is counted."""

from __future__ import annotations

import io
import logging
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from alertadmin.operator_log.formats import JsonFormatter, TextFormatter
from alertadmin.operator_log.handler import OperatorHandler
from alertadmin.operator_log.repeats import MOST_REMEMBERED, WINDOW, RepeatFilter
from alertadmin.operator_log.stream import LineStream

LONG = "x" * 20_000


@pytest.fixture
def pipe() -> Iterator[tuple[int, TextIO]]:
    """One end to read by its descriptor, one to write."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as writer:
        yield reading, writer
    os.close(reading)


def handler_to(stream: TextIO | None, monkeypatch: pytest.MonkeyPatch) -> OperatorHandler:
    monkeypatch.setattr(sys, "stderr", stream)
    handler = OperatorHandler()
    handler.setFormatter(TextFormatter())
    return handler


def record(message: str, *args: object, name: str = "kombu", level: int = logging.WARNING) -> logging.LogRecord:
    return logging.LogRecord(name, level, "x.py", 1, message, args, None)


def test_stalled_reader_does_not_block_the_writer(pipe: tuple[int, TextIO], monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writer = pipe
    handler = handler_to(writer, monkeypatch)
    began = time.monotonic()
    for number in range(3000):
        handler.handle(record("line %d of many %s", number, "y" * 100))
    assert time.monotonic() - began < 5
    read = os.read(reading, 1_000_000)
    handler.handle(record("the last"))
    lines = (read + os.read(reading, 1_000_000)).decode().splitlines()
    written = sum("of many" in line for line in lines)
    assert 0 < written < 3000
    assert f"log.dropped count={3000 - written}" in lines[-2]
    assert lines[-1].endswith("kombu: the last")


def test_incomplete_line_is_ended_before_the_next(pipe: tuple[int, TextIO]) -> None:
    reading, writer = pipe
    lines = LineStream(lambda: writer, patience=0)
    while lines.write(LONG):
        pass
    broken = os.read(reading, 1_000_000)
    assert lines.write("whole")
    assert (broken + os.read(reading, 100)).endswith(b"x\nwhole\n")


def closed() -> TextIO:
    stream = io.StringIO()
    stream.close()
    return stream


def full() -> TextIO:
    return open("/dev/full", "w")


def reader_gone() -> TextIO:
    reading, writing = os.pipe()
    os.close(reading)
    return os.fdopen(writing, "w")


@pytest.mark.parametrize("make", [closed, full, reader_gone, lambda: None])
def test_unwritable_stream_raises_nothing(make: object, monkeypatch: pytest.MonkeyPatch) -> None:
    assert callable(make)
    stream = make()
    handler = handler_to(stream, monkeypatch)
    handler.handle(record("x"))
    handler.handle(record("y"))
    monkeypatch.setattr(sys, "stderr", text := io.StringIO())
    handler.handle(record("z"))
    assert "log.dropped count=2" in text.getvalue()
    if stream is not None:
        stream.close()


def test_error_in_a_logging_call_is_logged_without_its_values(monkeypatch: pytest.MonkeyPatch) -> None:
    handler = handler_to(text := io.StringIO(), monkeypatch)
    handler.handle(record("%d", "canary"))
    [line] = text.getvalue().splitlines()
    assert "x.py:1 could not be logged: TypeError" in line
    assert "canary" not in line


class TestRepeats:
    @pytest.fixture(autouse=True)
    def _clock(self) -> None:
        self.now = 0.0
        self.filter = RepeatFilter(lambda: self.now)

    def passes(self, one: logging.LogRecord) -> bool:
        return bool(self.filter.filter(one))

    def test_dead_broker_is_one_line_and_a_count(self) -> None:
        passed = [
            self.passes(record("Trying again in %.2f seconds... (%d/100)", 2.0 * number, number))
            for number in range(317)
        ]
        assert passed == [True] + [False] * 316
        self.now = WINDOW
        later = record("Trying again in %.2f seconds... (%d/100)", 32.0, 318)
        assert self.passes(later)
        assert TextFormatter().format(later).endswith(" repeated=316")
        assert '"repeated": 316' in JsonFormatter().format(later)

    @pytest.mark.parametrize("other", [record("b"), record("a", name="celery"), record("a", level=logging.ERROR)])
    def test_different_messages_are_logged(self, other: logging.LogRecord) -> None:
        assert self.passes(record("a"))
        assert self.passes(other)

    def test_infos_and_events_are_always_logged(self) -> None:
        event = record("route.failing")
        event.event = "route.failing"
        for one in (record("a", level=logging.INFO), event):
            assert self.passes(one)
            assert self.passes(one)

    def test_memory_is_bounded(self) -> None:
        for number in range(3 * MOST_REMEMBERED):
            self.passes(record(f"message {chr(97 + number % 26) * (number // 26 + 1)}"))
        assert len(self.filter._seen) <= MOST_REMEMBERED


def test_full_disk_raises_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with full() as stream:
        lines = LineStream(lambda: stream)
        assert not lines.write("x")
        assert not lines.write("x")
