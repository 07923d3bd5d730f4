"""Sentences that were stored in English become codes and parameters (`mailer.coded_text`)."""

from __future__ import annotations

from typing import Any

from django.db import migrations

from alertadmin.registry.migrations._sentences import encode_columns, encoded


def encode(apps: Any, schema_editor: Any) -> None:
    encode_columns(apps.get_model("outbox", "Delivery"), "reason")
    attempts = apps.get_model("outbox", "Attempt")
    encode_columns(attempts, "technical", "route")
    for attempt in attempts.objects.exclude(steps=[]).only("steps").iterator(chunk_size=500):
        steps = [{**step, "detail": encoded(step["detail"])} if step.get("detail") else step for step in attempt.steps]
        if steps != attempt.steps:
            attempts.objects.filter(pk=attempt.pk).update(steps=steps)


class Migration(migrations.Migration):
    dependencies = [("outbox", "0001_squashed")]

    operations = [migrations.RunPython(encode, migrations.RunPython.noop, elidable=True)]
