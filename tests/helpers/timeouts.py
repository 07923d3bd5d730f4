"""Timeouts of tests, for machines that may be slow or busy."""

from __future__ import annotations

IN_TIME = 15
"""Seconds. Code under test must time out far earlier; the test servers stay silent for twice as long."""
