"""Attempts keep how long their server asked us to wait, so that every process knows."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("outbox", "0003_channels")]

    operations = [
        migrations.AddField("attempt", "held_until", models.DateTimeField(blank=True, null=True)),
        migrations.AddIndex(
            "attempt",
            models.Index(
                fields=["held_until"], condition=models.Q(("held_until__isnull", False)), name="attempt_held"
            ),
        ),
    ]
