"""How long tests wait for what must end by itself, on a machine that may be slow or busy with other tests."""

from __future__ import annotations

IN_TIME = 15
"""Seconds. What must be left in time is left far earlier; the servers under test keep silent for twice as long."""
