"""Write log lines to the terminal and to a rotated log file in the data folder.

Lines of every program get the one format of operator_log, so that a log store reads one format.
"""

from __future__ import annotations

import logging
import logging.handlers
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from alertadmin.operator_log.configuration import formatter
from alertadmin.operator_log.redaction import escape
from alertadmin.operator_log.stream import LineStream
from alertadmin.operator_log.third_party import is_ours, record_of

LOG_BYTES = 5_000_000
LOG_FILES = 4


class Output:
    def __init__(self, folder: Path, format_name: str | None = None) -> None:
        self._format = format_name or settings.ENVIRONMENT.log_format
        self._formatter = formatter(self._format)
        folder.mkdir(mode=0o700, exist_ok=True)
        handler = logging.handlers.RotatingFileHandler(
            folder / "alertadmin.log", maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8", delay=True
        )
        handler.setFormatter(logging.Formatter("%(message)s"))
        self._file = logging.Logger("output")
        self._file.addHandler(handler)
        # A full disk must not stop the supervised programs.
        handler.handleError = lambda record: None  # type: ignore[method-assign]
        # Neither must a stopped terminal, or a reader of the pipe that does not read.
        self._terminal = LineStream(lambda: sys.stdout, patience=0.2)
        # With the JSON format, only JSON is written to standard output.
        self._people = LineStream(lambda: sys.stderr if self._format == "json" else sys.stdout, patience=0.2)
        self._writing = threading.Lock()

    def write_line(self, source: str, text: str) -> None:
        """Write a line of a program to terminal and file: unchanged if it has operator_log's format, else converted."""
        if is_ours(text, self._format):
            self._write(escape(text))
        else:
            self._write(self._formatter.format(record_of(source, text)))

    def show(self, text: str) -> None:
        """Write to the terminal only, for texts that a log must not keep. Errors of a closed terminal are ignored."""
        with self._writing:
            self._people.write(text)

    def take_log(self) -> None:
        """Send this process's own log records to the same places."""
        root = logging.getLogger()
        root.handlers = [_ToOutput(self._write, self._formatter, root.handlers)]

    def close(self) -> None:
        for handler in self._file.handlers:
            handler.close()

    def _write(self, line: str) -> None:
        with self._writing:
            self._terminal.write(line)
            self._file.info("%s", line)


class _ToOutput(logging.Handler):
    def __init__(
        self, write: Callable[[str], None], form: logging.Formatter, instead_of: list[logging.Handler]
    ) -> None:
        super().__init__()
        self._write = write
        self.setFormatter(form)
        for handler in instead_of:
            for one in handler.filters:
                self.addFilter(one)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._write(self.format(record))
        except Exception:
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:
        """Ignore a record that cannot be written."""
