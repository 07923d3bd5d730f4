# The migrations of 0.1.0's development in one file; a database that has all of them has this one.

import alertadmin.accounts.languages
import alertadmin.accounts.models.pending_role
import alertadmin.accounts.time_zones
import django.db.models.deletion
import functools
import secrets
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    replaces = [
        ('accounts', '0001_initial'),
    ]

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='FirstAdministratorLink',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(max_length=64, unique=True)),
                ('created_at', models.DateTimeField()),
            ],
            options={
                'verbose_name': "first administrator's link",
            },
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[('owner', 'Owner'), ('administrator', 'Administrator'), ('operator', 'Operator'), ('viewer', 'Viewer'), ('auditor', 'Auditor')], max_length=16, verbose_name='role')),
                ('source', models.CharField(choices=[('hand', 'Given by a person'), ('group', 'By a group of the sign-in provider')], default='hand', editable=False, max_length=8)),
                ('confirmed_at', models.DateTimeField(editable=False, null=True)),
            ],
            options={
                'verbose_name': 'membership',
                'verbose_name_plural': 'memberships',
                'ordering': ['user', 'tenant', 'id'],
            },
        ),
        migrations.CreateModel(
            name='MfaPolicy',
            fields=[
                ('only', models.BooleanField(default=True, editable=False, primary_key=True, serialize=False)),
                ('second_factor', models.CharField(choices=[('optional', 'Optional: each user decides'), ('staff', 'Of those who may change something in all tenants, a week after they first sign in'), ('changers', 'Of users who may change something'), ('all', 'Everybody’s')], default='staff', max_length=8, verbose_name='Whose second factor is asked for')),
            ],
            options={
                'verbose_name': 'demand on signing in',
                'verbose_name_plural': 'demands on signing in',
                'db_table': 'accounts_signindemand',
            },
        ),
        migrations.CreateModel(
            name='PendingRole',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('role', models.CharField(choices=[('owner', 'Owner'), ('administrator', 'Administrator'), ('operator', 'Operator'), ('viewer', 'Viewer'), ('auditor', 'Auditor')], max_length=16, verbose_name='role')),
                ('address', models.EmailField(max_length=254, verbose_name='e-mail address')),
                ('made_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField(verbose_name='good until')),
                ('nonce', models.CharField(default=alertadmin.accounts.models.pending_role.new_nonce, editable=False, max_length=32)),
            ],
            options={
                'verbose_name': 'role that waits for a proven address',
                'verbose_name_plural': 'roles that wait for a proven address',
            },
        ),
        migrations.CreateModel(
            name='ThrottleCounter',
            fields=[
                ('key', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('since', models.DateTimeField(db_index=True)),
                ('count', models.PositiveIntegerField(default=1)),
            ],
            options={
                'verbose_name': 'tries',
                'verbose_name_plural': 'tries',
                'db_table': 'accounts_tries',
            },
        ),
        migrations.CreateModel(
            name='User',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('email', models.EmailField(max_length=254, unique=True, verbose_name='e-mail address')),
                ('email_canonical', models.CharField(editable=False, max_length=254)),
                ('name', models.CharField(blank=True, max_length=120, verbose_name='name')),
                ('time_zone', models.CharField(default='UTC', max_length=60, validators=[alertadmin.accounts.time_zones.validate_time_zone], verbose_name='time zone')),
                ('language', models.CharField(blank=True, choices=alertadmin.accounts.languages.of_a_person, max_length=8, verbose_name='language')),
                ('is_active', models.BooleanField(default=True)),
                ('made_by', models.SlugField(blank=True, editable=False, max_length=40)),
                ('proven_at', models.DateTimeField(editable=False, null=True, verbose_name='address proven')),
                ('proven_address', models.CharField(blank=True, default='', editable=False, max_length=254)),
                ('factor_due_at', models.DateTimeField(editable=False, null=True)),
            ],
            options={
                'verbose_name': 'user',
                'verbose_name_plural': 'users',
                'constraints': [models.UniqueConstraint(fields=('email_canonical',), name='one_account_per_address', violation_error_message='There is an account with this address already.')],
            },
        ),
        migrations.CreateModel(
            name='AuditEntry',
            fields=[
                ('number', models.BigIntegerField(primary_key=True, serialize=False)),
                ('at', models.DateTimeField(verbose_name='when')),
                ('who', models.CharField(max_length=254, verbose_name='who')),
                ('person_id', models.BigIntegerField(null=True)),
                ('address', models.CharField(blank=True, max_length=45, verbose_name='from where')),
                ('request', models.CharField(blank=True, max_length=32)),
                ('act', models.CharField(max_length=60, verbose_name='what')),
                ('result', models.CharField(max_length=8, verbose_name='result')),
                ('kind', models.CharField(blank=True, max_length=60, verbose_name='kind of thing')),
                ('object_id', models.CharField(blank=True, max_length=64)),
                ('label', models.CharField(blank=True, max_length=200, verbose_name='on what')),
                ('tenant', models.UUIDField(null=True, verbose_name='tenant')),
                ('details', models.JSONField(default=dict, verbose_name='details')),
                ('previous', models.CharField(max_length=64)),
                ('digest', models.CharField(max_length=64)),
            ],
            options={
                'verbose_name': 'entry of the audit trail',
                'verbose_name_plural': 'audit trail',
                'ordering': ['-number'],
                'indexes': [models.Index(fields=['at'], name='audit_by_time'), models.Index(fields=['person_id', 'number'], name='audit_by_person'), models.Index(fields=['act', 'number'], name='audit_by_act'), models.Index(fields=['tenant', 'number'], name='audit_by_tenant'), models.Index(fields=['object_id', 'number'], name='audit_by_object')],
            },
        ),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('address', models.EmailField(max_length=254, verbose_name='e-mail address')),
                ('language', models.CharField(blank=True, max_length=8, verbose_name='language')),
                ('made_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField(verbose_name='good until')),
                ('nonce', models.CharField(default=functools.partial(secrets.token_hex, *(16,), **{}), editable=False, max_length=32)),
                ('accepted_at', models.DateTimeField(blank=True, null=True, verbose_name='accepted')),
                ('revoked_at', models.DateTimeField(blank=True, null=True, verbose_name='taken back')),
                ('accepted_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('invited_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'invitation',
                'verbose_name_plural': 'invitations',
                'ordering': ['-made_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='InvitedRole',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[('owner', 'Owner'), ('administrator', 'Administrator'), ('operator', 'Operator'), ('viewer', 'Viewer'), ('auditor', 'Auditor')], max_length=16, verbose_name='role')),
                ('invitation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='roles', to='accounts.invitation')),
            ],
            options={
                'verbose_name': 'invited role',
                'verbose_name_plural': 'invited roles',
            },
        ),
    ]
