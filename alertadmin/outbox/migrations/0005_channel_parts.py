from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("outbox", "0004_attempt_endpoint")]

    operations = [migrations.AddField("channel", "parts", models.JSONField(editable=False, null=True))]
