"""The operator's log: one line for each thing that matters at night, as text or JSON (docs/operations.md, "The log").

The standard library's logging with two formatters and one handler. structlog was considered: it would add a dependency
and a second way of logging beside that of Django, Celery and the libraries, whose lines need the same treatment anyway.
"""

from alertadmin.operator_log.events import Event, log_event

__all__ = ["Event", "log_event"]
