from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Names the relation from a credential to its snoozes. The database does not change."""

    dependencies = [("reminders", "0002_plain_labels"), ("registry", "0005_pending_import")]

    operations = [
        migrations.AlterField(
            model_name="snooze",
            name="credential",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="snoozes", to="registry.credential"
            ),
        ),
    ]
