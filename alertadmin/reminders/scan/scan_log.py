"""Log one line per scan, also if it failed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from time import monotonic
from typing import ParamSpec

from alertadmin.operator_log import Event, log_event
from alertadmin.reminders.models import Scan

P = ParamSpec("P")


def logs_scan(run: Callable[P, Scan]) -> Callable[P, Scan]:
    """Decorate the function that scans; exceptions are raised again."""

    @wraps(run)
    def logged(*args: P.args, **kwargs: P.kwargs) -> Scan:
        begun = monotonic()
        try:
            scan = run(*args, **kwargs)
        except Exception as error:
            # Only the type: a database error's text may quote a row.
            log_event(Event.SCAN_FAILED, logging.ERROR, cause=type(error).__name__, duration_ms=_passed(begun))
            raise
        log_event(
            Event.SCAN_FINISHED,
            scan=scan.pk,
            reminders=scan.reminders,
            deliveries=scan.deliveries,
            duration_ms=_passed(begun),
        )
        return scan

    return logged


def _passed(begun: float) -> int:
    return round((monotonic() - begun) * 1000)
