from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0011_second_factor_by_default"),
    ]

    operations = [
        migrations.AddField(
            model_name="user", name="made_by", field=models.SlugField(blank=True, editable=False, max_length=40, default=""),
            preserve_default=False,
        ),
    ]
