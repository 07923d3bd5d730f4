from django.db import migrations, models

from alertadmin.accounts.address_upgrade import ACCOUNTS, fill_in, refuse_collisions


def refuse(_apps, schema_editor):
    refuse_collisions(ACCOUNTS, schema_editor.connection.alias)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0009_group_roles_lapse'),
    ]

    operations = [
        migrations.RunPython(refuse, migrations.RunPython.noop),
        migrations.AddField(
            model_name='user',
            name='email_canonical',
            field=models.CharField(default='', editable=False, max_length=254),
            preserve_default=False,
        ),
        migrations.RunPython(fill_in(*ACCOUNTS), migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.UniqueConstraint(fields=('email_canonical',), name='one_account_per_address', violation_error_message='There is an account with this address already.'),
        ),
    ]
