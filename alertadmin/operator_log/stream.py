"""Writing whole lines where the reader may be gone, full or asleep: the writer neither waits nor fails."""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from typing import TextIO

PIECE = 4096
"""Bytes that a pipe takes without waiting once it says that it can be written (PIPE_BUF of Linux)."""


class LineStream:
    """Lines to a text stream such as `sys.stderr`, asked for anew each time: tests and daemons replace it."""

    def __init__(self, stream: Callable[[], TextIO | None], patience: float = 1.0) -> None:
        """`patience`: seconds that the rest of a line may wait, once its beginning is written."""
        self._stream = stream
        self._patience = patience
        self._is_torn = False

    def write(self, line: str) -> bool:
        """False if the line was dropped: a closed or full place, a reader that does not read. Raises nothing."""
        try:
            stream = self._stream()
            if stream is None:
                return False
            try:
                descriptor = stream.fileno()
            except (OSError, ValueError, AttributeError):
                stream.write(line + "\n")
                return True
            return self._write(descriptor, line.encode("utf-8", "backslashreplace") + b"\n")
        except (OSError, ValueError):
            return False

    def _write(self, descriptor: int, data: bytes) -> bool:
        if self._is_torn:
            # Else this line would be read as the end of the one before.
            data = b"\n" + data
        begun = False
        while data:
            if not _is_writable(descriptor, self._patience if begun else 0):
                self._is_torn = begun or self._is_torn
                return False
            try:
                written = os.write(descriptor, data[:PIECE])
            except OSError:
                self._is_torn = begun or self._is_torn
                return False
            begun, data = True, data[written:]
        self._is_torn = False
        return True


def _is_writable(descriptor: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return any(state & select.POLLOUT for _descriptor, state in poll.poll(seconds * 1000))
