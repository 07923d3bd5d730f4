"""Celery app and beat schedule. All state is in the database; tasks are idempotent wake-ups, and may be lost or run
twice."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.signals import task_postrun, task_prerun

from alertadmin.operator_log import celery_signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alertadmin.settings")

__all__ = ["app", "celery_signals"]

app = Celery("alertadmin")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(
    ["alertadmin.outbox", "alertadmin.registry", "alertadmin.reminders", "alertadmin.monitoring", "alertadmin.bulk"]
)
app.conf.beat_schedule = {
    "scan": {"task": "alertadmin.reminders.tasks.scan", "schedule": 3600.0},
    "deliver": {"task": "alertadmin.outbox.tasks.deliver_due", "schedule": 30.0},
    "watch": {"task": "alertadmin.watching.tasks.watch", "schedule": 300.0},
    "prune": {"task": "alertadmin.reminders.tasks.prune", "schedule": 24 * 3600.0},
    "go on checking": {"task": "alertadmin.registry.tasks.go_on_checking", "schedule": 60.0},
    "continue imports": {"task": "alertadmin.registry.tasks.continue_imports", "schedule": 60.0},
    "continue bulk jobs": {"task": "alertadmin.bulk.tasks.continue_bulk_jobs", "schedule": 60.0},
    "check consents": {"task": "alertadmin.registry.tasks.check_consents", "schedule": 24 * 3600.0},
    "keep sign-ins": {"task": "alertadmin.registry.tasks.keep_sign_ins", "schedule": 24 * 3600.0},
}
for entry in app.conf.beat_schedule.values():
    entry["options"] = {"headers": {"by_clock": "1"}}


@task_prerun.connect
def set_task_actor(task: Any, **_signal: Any) -> None:
    """Record what the task does as done by the scheduler if beat sent it, else by the worker."""
    # The worker imports this module before Django's apps are loaded, and the package `audit` contains models.
    from alertadmin.audit.actor import CLOCK, WORKER, Actor, set_actor

    by_clock = (task.request.headers or {}).get("by_clock")
    task.request.actor = set_actor(Actor(CLOCK if by_clock else WORKER))


@task_postrun.connect
def reset_task_actor(task: Any, **_signal: Any) -> None:
    from alertadmin.audit.actor import reset_actor

    reset_actor(task.request.actor)
