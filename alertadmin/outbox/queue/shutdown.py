"""Whether this process was asked to stop: the delivery being sent is finished, no other is begun.

Celery signals its main process only, not the pool processes that do the work; one byte of shared memory, mapped before
they were forked, passes the request on.
"""

from __future__ import annotations

import mmap

_shared = mmap.mmap(-1, 1)


def request_shutdown() -> None:
    _shared[0] = 1


def is_requested() -> bool:
    return bool(_shared[0])
