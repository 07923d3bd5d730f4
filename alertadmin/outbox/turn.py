"""Of several runs on one machine, one at a time sends reminders: each mailbox takes few messages at once, and whoever
comes second stays free for the tests that people wait for."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings


@contextmanager
def taken() -> Iterator[bool]:
    """Whether it is ours until the end of the block. The kernel takes it back from a process that dies."""
    descriptor = os.open(settings.DATA_DIR / "deliver.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        ours = False
    else:
        ours = True
    try:
        yield ours
    finally:
        os.close(descriptor)
