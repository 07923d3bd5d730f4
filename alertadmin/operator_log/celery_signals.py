"""Celery signal handlers: keep the log format, pass the request's id to tasks, log start and stop of processes."""

from __future__ import annotations

from contextvars import Token
from typing import Any

from celery.signals import (
    beat_embedded_init,
    before_task_publish,
    setup_logging,
    task_postrun,
    task_prerun,
    worker_ready,
    worker_shutdown,
)

from alertadmin.operator_log import context
from alertadmin.operator_log.middleware import SANE
from alertadmin.operator_log.process import log_started, log_stopped

KEY = "request_id"


@setup_logging.connect
def keep_logging(**_signal: Any) -> None:
    """Do nothing: with a receiver of this signal, Celery does not replace Django's LOGGING."""


@before_task_publish.connect
def send_request_id(headers: dict[str, Any], **_signal: Any) -> None:
    if identity := context.request_id():
        headers[KEY] = identity


@task_prerun.connect
def take_request_id(task: Any, **_signal: Any) -> None:
    # A task that runs eagerly has its headers in another attribute.
    said = getattr(task.request, KEY, None) or (task.request.headers or {}).get(KEY)
    is_sane = isinstance(said, str) and SANE.fullmatch(said)
    task.request.request_id_token = context.set_request_id(said if is_sane and said else "")


@task_postrun.connect
def forget_request_id(task: Any, **_signal: Any) -> None:
    token: Token[str] | None = getattr(task.request, "request_id_token", None)
    if token is not None:
        context.reset_request_id(token)


@worker_ready.connect
def worker_is_ready(**_signal: Any) -> None:
    log_started("worker")


@worker_shutdown.connect
def worker_ends(**_signal: Any) -> None:
    log_stopped()


@beat_embedded_init.connect
def clock_begins(**_signal: Any) -> None:
    """Log the start of beat, in its own process."""
    log_started("clock")
