"""Lines of programs that are not ours, or not yet set up (granian, Valkey, Python's own complaints), in our form."""

from __future__ import annotations

import logging
import re

LEVELS = "|".join(("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"))
TEXT = re.compile(rf"\d{{4}}-\d\d-\d\dT[\d:.]+Z (?:{LEVELS}) \S+ \S")
JSON = re.compile(rf'\{{"time": "\d{{4}}-[^"]+Z", "level": "(?:{LEVELS})", "process": "[^"]*", ".*\}}')


def is_ours(line: str, format_name: str) -> bool:
    """Whether a program of ours wrote it in this format: then it needs nothing more."""
    return bool(JSON.fullmatch(line) if format_name == "json" else TEXT.match(line))


def record_of(source: str, text: str) -> logging.LogRecord:
    """A line that the program `source` wrote by itself."""
    record = logging.makeLogRecord({"name": "output", "levelno": logging.INFO, "levelname": "INFO", "msg": "%s"})
    record.args = (text,)
    record.process_name = source
    return record
