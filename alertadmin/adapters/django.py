"""Private names of Django (checked with 5.2)."""

from __future__ import annotations

from django.db.backends.sqlite3._functions import register as register_sqlite_functions  # type: ignore[import-untyped]
from django.http import HttpResponseBase

__all__ = ["mark_as_logged", "register_sqlite_functions"]
# `register_sqlite_functions`: constraints and expressions of our tables call functions that Django adds to each of its
# own connections. A backup is opened without Django, and has no public way to get them.


def mark_as_logged(response: HttpResponseBase) -> None:
    """Keep Django's `django.request` logger from writing a line for this response.

    `log_response` checks the attribute; the logger has no filter by view.
    """
    response._has_been_logged = True  # type: ignore[attr-defined]
