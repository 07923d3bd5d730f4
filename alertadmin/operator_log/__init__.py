"""The operator's log: one line for each event, as text or JSON (docs/operations.md, "The log").

The standard library's logging with two formatters and one handler. structlog was considered: it would add a dependency
and a second logging system beside that of Django, Celery and the libraries, whose records need the same formatting.
"""

from alertadmin.operator_log.events import Event, log_event

__all__ = ["Event", "log_event"]
