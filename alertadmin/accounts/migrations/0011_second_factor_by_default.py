from __future__ import annotations

from django.db import migrations, models

CHOICES = [
    ("optional", "Nobody’s: whoever wants one adds it"),
    ("staff", "Of those who may change something in all tenants, a week after they first sign in"),
    ("changers", "Of whoever may change something"),
    ("all", "Everybody’s"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0010_canonical_addresses"),
    ]

    operations = [
        migrations.AddField(
            model_name="user", name="factor_due_at", field=models.DateTimeField(editable=False, null=True)
        ),
        migrations.AlterField(
            model_name="signindemand",
            name="second_factor",
            field=models.CharField(
                choices=CHOICES, default="staff", max_length=8, verbose_name="Whose second factor is asked for"
            ),
        ),
        migrations.RemoveConstraint(model_name="signindemand", name="sign_in_demand_is_known"),
        migrations.AddConstraint(
            model_name="signindemand",
            constraint=models.CheckConstraint(
                condition=models.Q(("second_factor__in", ["optional", "staff", "changers", "all"])),
                name="sign_in_demand_is_known",
            ),
        ),
    ]
