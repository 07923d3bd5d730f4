"""What the log holds, as the installation would write it, without a process of its own."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alertadmin.operator_log.formats import JsonFormatter, TextFormatter


class Lines(logging.Handler):
    """Collects each record in both forms."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.json: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.text.append(TextFormatter().format(record))
        self.json.append(JsonFormatter().format(record))

    @property
    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.json]

    def of(self, event: str) -> list[dict[str, Any]]:
        return [one for one in self.objects if one.get("event") == event]


@contextmanager
def logged(level: int = logging.INFO, logger: str = "alertadmin") -> Iterator[Lines]:
    """The lines from `level` on that are written meanwhile."""
    lines = Lines()
    lines.setLevel(level)
    source = logging.getLogger(logger)
    before = source.level
    source.addHandler(lines)
    source.setLevel(level)
    try:
        yield lines
    finally:
        source.removeHandler(lines)
        source.setLevel(before)
