"""Write whole lines to a stream whose reader may be gone or not reading, without blocking or raising errors."""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from typing import TextIO

PIECE = 4096
"""Bytes that a writable pipe accepts without blocking (PIPE_BUF of Linux)."""


class LineStream:
    """Writes lines to a text stream such as `sys.stderr`. `stream` is called for each line: tests and daemons replace
    it."""

    def __init__(self, stream: Callable[[], TextIO | None], patience: float = 1.0) -> None:
        """`patience`: seconds to wait until the rest of a line can be written, after its beginning was."""
        self._stream = stream
        self._patience = patience
        self._is_torn = False

    def write(self, line: str) -> bool:
        """Write the line. Return False if it was dropped: stream closed, disk full, reader not reading. Raises
        nothing."""
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
            # Else this line would be joined to the incomplete one before.
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
