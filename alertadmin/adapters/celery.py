"""Parts of Celery's worker that its documentation does not promise (checked with 5.7).

A worker ends on errors that are not the broker's own. No setting changes that, so the consumer is replaced
(alertadmin/supervisor/broker_connection.py).
"""

from __future__ import annotations

from typing import Any

from celery.worker.consumer import Consumer

# Raises WorkerShutdown in a consumer that waits for its broker, once the worker is to stop.
from celery.worker.state import maybe_shutdown

# The class that starts and stops the consumer's parts; documented as an attribute to extend, its methods are not.
ConsumerBlueprint: Any = Consumer.Blueprint

__all__ = ["Consumer", "ConsumerBlueprint", "maybe_shutdown"]
