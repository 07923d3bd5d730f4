"""The log's handler: writes lines to standard error without raising errors or blocking."""

from __future__ import annotations

import contextlib
import logging
import sys

from alertadmin.operator_log.events import Event
from alertadmin.operator_log.stream import LineStream


class OperatorHandler(logging.Handler):
    """Counts the lines that could not be written, and logs their number before the next line."""

    def __init__(self) -> None:
        super().__init__()
        self._lines = LineStream(lambda: sys.stderr)
        self._dropped = 0

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception as error:
            # An error in the code that logs. Its arguments may be secret, so only the place is logged.
            line = self._own_line(
                logging.ERROR, f"{record.pathname}:{record.lineno} could not be logged: {type(error).__name__}"
            )
        if self._dropped and self._lines.write(self._drop_line()):
            self._dropped = 0
        if not self._lines.write(line):
            self._dropped += 1

    def handleError(self, record: logging.LogRecord) -> None:
        """Write no traceback into the log."""

    def _drop_line(self) -> str:
        record = logging.makeLogRecord(
            {"name": __name__, "levelname": "WARNING", "event": Event.LINES_DROPPED, "fields": {"count": self._dropped}}
        )
        return self.format(record)

    def _own_line(self, level: int, message: str) -> str:
        with contextlib.suppress(Exception):
            return self.format(
                logging.makeLogRecord({"name": __name__, "levelname": logging.getLevelName(level), "msg": message})
            )
        return message
