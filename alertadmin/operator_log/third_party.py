"""Convert lines of other programs (granian, Valkey, Python's warnings) into the log's format."""

from __future__ import annotations

import logging
import re

LEVELS = "|".join(("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"))
TEXT = re.compile(rf"\d{{4}}-\d\d-\d\dT[\d:.]+Z (?:{LEVELS}) \S+ \S")
JSON = re.compile(rf'\{{"time": "\d{{4}}-[^"]+Z", "level": "(?:{LEVELS})", "process": "[^"]*", ".*\}}')


def is_ours(line: str, format_name: str) -> bool:
    """Return whether a process of alertadmin wrote the line in this format, so that it needs no conversion."""
    return bool(JSON.fullmatch(line) if format_name == "json" else TEXT.match(line))


def record_of(source: str, text: str) -> logging.LogRecord:
    """Return a log record for a line that the program `source` wrote."""
    record = logging.makeLogRecord({"name": "output", "levelno": logging.INFO, "levelname": "INFO", "msg": "%s"})
    record.args = (text,)
    record.process_name = source
    return record
