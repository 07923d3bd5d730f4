from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Names the field of an attempt's server. The column keeps its name, so the database does not change."""

    dependencies = [("outbox", "0003_plain_labels")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RenameField("attempt", "door", "endpoint"),
                migrations.AlterField(
                    "attempt",
                    "endpoint",
                    models.CharField(blank=True, db_column="door", db_default="", default="", max_length=100),
                ),
                migrations.RemoveIndex("attempt", "attempt_by_door"),
                migrations.AddIndex(
                    "attempt", models.Index(fields=["endpoint", "started_at"], name="attempt_by_door")
                ),
            ]
        )
    ]
