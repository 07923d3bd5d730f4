"""Log the start and stop of a process, with the program's version."""

from __future__ import annotations

import os
import platform
import time

from alertadmin import __version__
from alertadmin.operator_log.context import set_process_name
from alertadmin.operator_log.events import Event, log_event

_started_at = time.monotonic()


def log_started(name: str) -> None:
    """Set the process's name, which its log lines have, and log its start."""
    set_process_name(name)
    log_event(Event.PROCESS_STARTED, version=__version__, pid=os.getpid(), python=platform.python_version())


def log_stopped() -> None:
    log_event(
        Event.PROCESS_STOPPED, version=__version__, pid=os.getpid(), uptime_s=round(time.monotonic() - _started_at)
    )
