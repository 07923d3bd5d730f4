"""The two formats of a log line, text and JSON, from the same fields."""

from __future__ import annotations

import json
import logging
import re
import traceback
from datetime import UTC, datetime
from pathlib import Path

from alertadmin.operator_log.context import process_name, request_id
from alertadmin.operator_log.redaction import escape, redact
from alertadmin.paths import PROJECT

Value = str | int | float | bool

LONGEST_VALUE = 2000
"""Characters of one value; longer ones are truncated."""
FRAMES = 12
"""Innermost frames of a traceback that are logged."""
PLAIN = re.compile(r"[\w.:/+@%…-]+")


class _Formatter(logging.Formatter):
    def entries(self, record: logging.LogRecord) -> dict[str, Value]:
        """Return the fields after time, level and process, in this order."""
        entries: dict[str, Value] = {}
        if event := getattr(record, "event", ""):
            entries["event"] = event
            for name, value in getattr(record, "fields", {}).items():
                if value is not None:
                    entries[name] = _value(value)
        else:
            entries["logger"] = record.name
            entries["message"] = _value(record.getMessage())
        if identity := getattr(record, "request_id", "") or request_id():
            entries.setdefault("request_id", identity)
        if repeated := getattr(record, "repeated", 0):
            entries["repeated"] = repeated
        if record.exc_info and record.exc_info[1] is not None:
            entries |= _exception(record.exc_info[1])
        return entries


class TextFormatter(_Formatter):
    """`TIME LEVEL PROCESS EVENT key=value …`, or `TIME LEVEL PROCESS LOGGER: MESSAGE key=value …`."""

    def format(self, record: logging.LogRecord) -> str:
        entries = self.entries(record)
        if "event" in entries:
            what = str(entries.pop("event"))
        else:
            what = f"{entries.pop('logger')}: {entries.pop('message')}"
        fields = "".join(f" {name}={_quoted(value)}" for name, value in entries.items())
        return f"{_time(record)} {record.levelname} {_process(record)} {escape(what)}{fields}"


class JsonFormatter(_Formatter):
    """One JSON object a line, in ASCII, so that a terminal displays no character as another one."""

    def format(self, record: logging.LogRecord) -> str:
        head = {"time": _time(record), "level": record.levelname, "process": _process(record)}
        return json.dumps(head | self.entries(record)).replace("\x7f", "\\u007f")


def _process(record: logging.LogRecord) -> str:
    """Return the program that wrote the line, if this process only passes it on; else this process's name."""
    return escape(str(getattr(record, "process_name", "") or process_name()))


def _time(record: logging.LogRecord) -> str:
    """Return the time in ISO 8601, UTC, with milliseconds."""
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _value(value: object) -> Value:
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, datetime):
        value = value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    text = redact(str(value))
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def _quoted(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if PLAIN.fullmatch(text) and text.isprintable():
        return text
    return escape(json.dumps(text, ensure_ascii=False))


def _exception(error: BaseException) -> dict[str, Value]:
    """Return the type, the first line (the next ones may quote a row of the database) and the frames, innermost
    last."""
    first = (str(error).strip().splitlines() or [""])[0]
    kind = type(error).__name__
    entries: dict[str, Value] = {"exception": _value(f"{kind}: {first}" if first else kind)}
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    if frames:
        entries["trace"] = " > ".join(f"{_short_path(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames)
    if cause := error.__cause__ or (None if error.__suppress_context__ else error.__context__):
        entries["caused_by"] = type(cause).__name__
    return entries


def _short_path(filename: str) -> str:
    """Return a short path: relative to the project's folder, or the last two parts of a library's path."""
    path = Path(filename)
    if path.is_relative_to(PROJECT) and "site-packages" not in path.parts:
        return str(path.relative_to(PROJECT))
    return "/".join(path.parts[-2:])
