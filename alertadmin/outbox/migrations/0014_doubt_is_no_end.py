"""A doubt is no end: what an earlier version left uncertain for good within the last 30 days goes on.

What is no longer owed is cancelled when it is worded. Tests stay as they are, and so does what is older.
"""

from datetime import timedelta

from django.db import migrations, models
from django.db.models.functions import Now

REOPENED = timedelta(days=30)


def reopen(apps, schema_editor):
    deliveries = apps.get_model("outbox", "Delivery").objects.exclude(purpose="test")
    deliveries.filter(state="uncertain", settled_at__gt=Now() - REOPENED).update(settled_at=None)


class Migration(migrations.Migration):
    dependencies = [
        ("outbox", "0013_attempts_by_relay"),
    ]

    operations = [
        migrations.AddField(
            model_name="attempt",
            name="answer",
            field=models.CharField(
                blank=True,
                choices=[
                    ("refused", "A clear no"),
                    ("busy", "Asked to come back later"),
                    ("not_reached", "The server was not reached"),
                    ("cut_before", "The connection broke before all was sent"),
                    ("no_answer", "No answer came"),
                    ("gateway", "A server on the way gave up"),
                    ("foreign", "An answer that is not the service’s own"),
                ],
                db_default="",
                default="",
                max_length=12,
                verbose_name="answer",
            ),
        ),
        migrations.AddField(
            model_name="attempt",
            name="door",
            field=models.CharField(blank=True, db_default="", default="", max_length=100),
        ),
        migrations.AddIndex(
            model_name="attempt",
            index=models.Index(fields=["door", "started_at"], name="attempt_by_door"),
        ),
        migrations.RunPython(reopen, migrations.RunPython.noop, elidable=True),
        migrations.RemoveField(
            model_name="delivery",
            name="resends_left",
        ),
    ]
