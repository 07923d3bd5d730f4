from __future__ import annotations

from django.db import migrations, models
from django.utils import timezone


def confirm(apps, schema_editor):  # type: ignore[no-untyped-def]
    """Roles that groups gave before count as confirmed now: they lapse if the provider does not say so again."""
    memberships = apps.get_model("accounts", "Membership")
    memberships.objects.filter(source="group").update(confirmed_at=timezone.now())


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_sign_in_demand"),
    ]

    operations = [
        migrations.AddField(
            model_name="membership", name="confirmed_at", field=models.DateTimeField(editable=False, null=True)
        ),
        migrations.RunPython(confirm, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.CheckConstraint(
                condition=models.Q(models.Q(("source", "group"), _negated=True), ("confirmed_at__isnull", False), _connector="OR"),
                name="group_role_was_confirmed",
            ),
        ),
    ]
