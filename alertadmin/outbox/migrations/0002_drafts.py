"""Attempts keep the id of their draft. A delivery in doubt has paid its resend when the doubt arose, not when it was
claimed again."""

from django.db import migrations, models
from django.db.models import F


def pay_for_doubts(apps, schema_editor):
    deliveries = apps.get_model("outbox", "Delivery").objects.using(schema_editor.connection.alias)
    in_doubt = deliveries.filter(state="uncertain", settled_at=None, resends_left__gt=0)
    in_doubt.update(resends_left=F("resends_left") - 1)


class Migration(migrations.Migration):
    dependencies = [("outbox", "0001_initial")]

    operations = [
        migrations.AddField("attempt", "draft", models.TextField(blank=True, default="", db_default="")),
        migrations.AddIndex(
            "attempt",
            models.Index(fields=["id"], condition=models.Q(("draft__gt", "")), name="attempt_with_draft"),
        ),
        migrations.RunPython(pay_for_doubts, migrations.RunPython.noop),
    ]
