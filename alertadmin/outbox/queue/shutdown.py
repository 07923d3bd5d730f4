"""Whether this program was told to stop: a send that has begun comes to its end, no other begins.

Celery tells its main process alone, not the pool's processes that do the work. One byte of memory that they share since
they were forked tells them.
"""

from __future__ import annotations

import mmap

_shared = mmap.mmap(-1, 1)


def request_shutdown() -> None:
    _shared[0] = 1


def is_requested() -> bool:
    return bool(_shared[0])
