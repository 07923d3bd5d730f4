from django.db import migrations, models

from alertadmin.accounts.address_upgrade import fill_in, refuse_collisions
from alertadmin.registry.addresses import ADDRESSES


def refuse(_apps, schema_editor):
    refuse_collisions(ADDRESSES, schema_editor.connection.alias)


class Migration(migrations.Migration):

    dependencies = [
        ('registry', '0015_handover_links'),
    ]

    operations = [
        migrations.RunPython(refuse, migrations.RunPython.noop),
        migrations.AddField(
            model_name='contact',
            name='email_canonical',
            field=models.CharField(default='', editable=False, max_length=254),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='mailbox',
            name='address_canonical',
            field=models.CharField(default='', editable=False, max_length=254),
            preserve_default=False,
        ),
        migrations.RunPython(fill_in(*ADDRESSES), migrations.RunPython.noop),
        migrations.RemoveConstraint(model_name='contact', name='contact_once_per_tenant'),
        migrations.RemoveConstraint(model_name='mailbox', name='mailbox_once_per_app'),
        migrations.RemoveConstraint(model_name='mailbox', name='mailbox_once_per_server'),
        migrations.AddConstraint(
            model_name='contact',
            constraint=models.UniqueConstraint(fields=('email_canonical', 'tenant'), name='contact_address_once_per_tenant'),
        ),
        migrations.AddConstraint(
            model_name='mailbox',
            constraint=models.UniqueConstraint(fields=('address_canonical', 'app'), name='mailbox_address_once_per_app', violation_error_message='This address is registered with this app already.'),
        ),
        migrations.AddConstraint(
            model_name='mailbox',
            constraint=models.UniqueConstraint(condition=models.Q(('app', None)), fields=('address_canonical', 'server'), name='mailbox_address_once_per_server', violation_error_message='This address is registered with this server already.'),
        ),
    ]
