"""Where lines go: to the terminal, and to a log file in the data folder that does not grow without end."""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import sys
from pathlib import Path

LOG_BYTES = 5_000_000
LOG_FILES = 4


class Output:
    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        handler = logging.handlers.RotatingFileHandler(
            folder / "alertadmin.log", maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8", delay=True
        )
        handler.setFormatter(logging.Formatter("%(message)s"))
        self._file = logging.Logger("output")
        self._file.addHandler(handler)
        # A full disk must not stop the programs whose lines these are.
        handler.handleError = lambda record: None  # type: ignore[method-assign]

    def line(self, source: str, text: str) -> None:
        """One line of one program, in both places."""
        line = f"{source:<7} | {text}"
        self.show(line)
        self._file.info(line)

    def show(self, text: str) -> None:
        """To the terminal alone: for what a log must not keep. A terminal that went away changes nothing."""
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.write(text + "\n")
            sys.stdout.flush()
