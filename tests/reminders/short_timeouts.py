"""Short timeouts for silent servers, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alertadmin.outbox.delivery import connections
from alertadmin.registry.permissions import TransportName
from tests.reminders.faults import Trouble

PATIENCE = 0.2
"""Seconds of real time after which a silent server is given up."""


@contextmanager
def short_patience(troubles: list[Trouble]) -> Iterator[None]:
    """Short timeouts for silent servers, on this process's transports, until they are created anew."""
    if any(trouble.is_silent for trouble in troubles):
        for name in TransportName.values:
            transport: Any = connections.transport(name)
            transport.timeout = PATIENCE
    try:
        yield
    finally:
        connections.transport.cache_clear()
