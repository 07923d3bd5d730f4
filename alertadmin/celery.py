"""Celery: the doorbell and the clock. Every promise is kept by rows; a lost or doubled task changes nothing."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alertadmin.settings")

app = Celery("alertadmin")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["alertadmin.outbox", "alertadmin.registry", "alertadmin.reminders", "alertadmin.watching"])
app.conf.beat_schedule = {
    "scan": {"task": "alertadmin.reminders.tasks.scan", "schedule": 3600.0},
    "deliver": {"task": "alertadmin.outbox.tasks.deliver_due", "schedule": 30.0},
    "watch": {"task": "alertadmin.watching.tasks.watch", "schedule": 300.0},
    "prune": {"task": "alertadmin.reminders.tasks.prune", "schedule": 24 * 3600.0},
    "go on checking": {"task": "alertadmin.registry.tasks.go_on_checking", "schedule": 60.0},
    "check consents": {"task": "alertadmin.registry.tasks.check_consents", "schedule": 24 * 3600.0},
    "keep sign-ins": {"task": "alertadmin.registry.tasks.keep_sign_ins", "schedule": 24 * 3600.0},
}
