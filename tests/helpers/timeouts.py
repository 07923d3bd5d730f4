"""Timeouts of tests, for machines that may be slow or busy."""

from __future__ import annotations

IN_TIME = 15
"""Seconds. What must be left in time is left far earlier; the servers under test keep silent for twice as long."""
