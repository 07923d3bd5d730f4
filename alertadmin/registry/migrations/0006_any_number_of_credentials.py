from django.db import migrations, models
from django.db.models import Q

KNOWN = ["current", "next", "other", "retired"]
ORDER = ["current", "next", "retired"]


def clear_repeated_key_ids(apps, schema_editor):
    """Of an app's credentials with one key ID, the one in use keeps it; the others stay, without it."""
    credentials = apps.get_model("registry", "Credential").objects
    repeated = credentials.exclude(key_id="").values("app_id", "key_id").annotate(n=models.Count("pk")).filter(n__gt=1)
    for one in repeated.order_by():
        rows = credentials.filter(app_id=one["app_id"], key_id=one["key_id"]).order_by("expires_at", "id")
        kept, *others = sorted(rows.values_list("pk", "state"), key=lambda row: ORDER.index(row[1]))
        credentials.filter(pk__in=[pk for pk, _state in others]).update(key_id="")


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0005_pending_import"),
    ]

    operations = [
        migrations.RunPython(clear_repeated_key_ids, migrations.RunPython.noop),
        migrations.RemoveConstraint(model_name="credential", name="credential_state_is_known"),
        migrations.AlterField(
            model_name="credential",
            name="state",
            field=models.CharField(
                choices=[
                    ("current", "In use"),
                    ("next", "Waiting to replace the one in use"),
                    ("other", "Monitored only"),
                    ("retired", "Superseded"),
                ],
                default="current",
                max_length=8,
                verbose_name="status",
            ),
        ),
        migrations.AddConstraint(
            model_name="credential",
            constraint=models.CheckConstraint(condition=Q(state__in=KNOWN), name="credential_state_is_known"),
        ),
        migrations.AddConstraint(
            model_name="credential",
            constraint=models.UniqueConstraint(
                fields=["app", "key_id"],
                condition=~Q(key_id=""),
                name="one_credential_per_key_id",
                violation_error_message="This app already has a secret with this ID.",
            ),
        ),
    ]
