from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0005_memberships'),
    ]

    operations = [
        # Of Django's admin, which is no longer here: its rows would hold on to people who are deleted.
        migrations.RunSQL("DROP TABLE IF EXISTS django_admin_log", migrations.RunSQL.noop),
        migrations.RemoveField(
            model_name='user',
            name='groups',
        ),
        migrations.RemoveField(
            model_name='user',
            name='is_staff',
        ),
        migrations.RemoveField(
            model_name='user',
            name='is_superuser',
        ),
        migrations.RemoveField(
            model_name='user',
            name='user_permissions',
        ),
    ]
