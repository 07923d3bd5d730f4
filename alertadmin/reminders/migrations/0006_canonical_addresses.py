from django.db import migrations, models

from alertadmin.accounts.address_upgrade import fill_in, refuse_collisions
from alertadmin.reminders.addresses import ADDRESSES


def refuse(_apps, schema_editor):
    refuse_collisions(ADDRESSES, schema_editor.connection.alias)


class Migration(migrations.Migration):

    dependencies = [
        ('reminders', '0005_sign_ins'),
    ]

    operations = [
        migrations.RunPython(refuse, migrations.RunPython.noop),
        migrations.AddField(
            model_name='recipient',
            name='email_canonical',
            field=models.CharField(default='', editable=False, max_length=254),
            preserve_default=False,
        ),
        migrations.RunPython(fill_in(*ADDRESSES), migrations.RunPython.noop),
        migrations.RemoveConstraint(model_name='recipient', name='tenant_tells_once'),
        migrations.RemoveConstraint(model_name='recipient', name='app_tells_once'),
        migrations.RemoveConstraint(model_name='recipient', name='installation_tells_once'),
        migrations.AddConstraint(
            model_name='recipient',
            constraint=models.UniqueConstraint(condition=models.Q(('tenant__isnull', False)), fields=('email_canonical', 'tenant'), name='recipient_address_once_per_tenant'),
        ),
        migrations.AddConstraint(
            model_name='recipient',
            constraint=models.UniqueConstraint(condition=models.Q(('app__isnull', False)), fields=('email_canonical', 'app'), name='recipient_address_once_per_app'),
        ),
        migrations.AddConstraint(
            model_name='recipient',
            constraint=models.UniqueConstraint(condition=models.Q(('app', None), ('tenant', None)), fields=('email_canonical',), name='recipient_address_once_in_the_installation'),
        ),
    ]
