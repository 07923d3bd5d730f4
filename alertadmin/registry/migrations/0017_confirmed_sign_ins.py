from __future__ import annotations

import alertadmin.registry.encryption
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('registry', '0016_canonical_addresses'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='signin',
            name='begun_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='signin',
            name='binding',
            field=models.CharField(blank=True, default='', editable=False, max_length=64),
        ),
        migrations.AddField(
            model_name='signin',
            name='held_token',
            field=alertadmin.registry.encryption.EncryptedField(),
        ),
        migrations.AlterField(
            model_name='signin',
            name='state',
            field=models.CharField(choices=[('waiting', 'Waiting for the code to be entered'), ('held', 'Waiting for an administrator to confirm the account'), ('done', 'Signed in'), ('declined', 'Declined'), ('expired', 'The code has expired'), ('other', 'Another account signed in'), ('failed', 'Failed')], max_length=8, verbose_name='state'),
        ),
    ]
