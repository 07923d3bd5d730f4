# The migrations of 0.1.0's development in one file; a database that has all of them has this one.

import alertadmin.reminders.models.policy
import datetime
import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    replaces = [
        ('reminders', '0001_initial'),
        ('reminders', '0002_policies'),
        ('reminders', '0003_calendar'),
        ('reminders', '0004_copy_of'),
        ('reminders', '0005_sign_ins'),
        ('reminders', '0006_canonical_addresses'),
        ('reminders', '0007_mark_deliveries_to_installation'),
    ]

    dependencies = [
        ('outbox', '0001_squashed'),
        ('registry', '0001_squashed'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Scan',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('started_at', models.DateTimeField(verbose_name='started')),
                ('finished_at', models.DateTimeField(blank=True, db_index=True, null=True, verbose_name='finished')),
                ('reminders', models.PositiveIntegerField(default=0)),
                ('deliveries', models.PositiveIntegerField(default=0)),
                ('copy_of', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'verbose_name': 'scan',
                'verbose_name_plural': 'scans',
                'ordering': ['-started_at'],
            },
        ),
        migrations.CreateModel(
            name='CalendarFeed',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('digest', models.CharField(editable=False, max_length=64, unique=True)),
                ('created_at', models.DateTimeField(verbose_name='created')),
                ('renewed_at', models.DateTimeField(blank=True, null=True)),
                ('fetched_at', models.DateTimeField(blank=True, null=True, verbose_name='last fetched')),
                ('revoked_at', models.DateTimeField(blank=True, null=True, verbose_name='revoked')),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='calendar_feeds', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='registry.tenant', verbose_name='tenant')),
            ],
            options={
                'verbose_name': 'calendar',
                'verbose_name_plural': 'calendars',
                'ordering': ['created_at', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Reminder',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('credential', 'a secret or certificate that ends'), ('ews', 'a mailbox that still sends by EWS'), ('consent', 'a consent that was withdrawn'), ('sign_in', 'a sign-in of a personal account that lapses')], default='credential', max_length=10)),
                ('expires_at', models.DateTimeField()),
                ('threshold', models.SmallIntegerField()),
                ('is_escalated', models.BooleanField(default=False)),
                ('app', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='reminders', to='registry.appregistration')),
                ('consent_change', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='reminders', to='registry.consentchange')),
                ('credential', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='reminders', to='registry.credential')),
                ('mailbox', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='reminders', to='registry.mailbox')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='reminders', to='registry.tenant')),
                ('scan', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='reminders.scan')),
            ],
            options={
                'verbose_name': 'reminder',
                'verbose_name_plural': 'reminders',
                'ordering': ['expires_at', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Snooze',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('expires_at', models.DateTimeField()),
                ('kind', models.CharField(choices=[('acknowledged', 'Acknowledged'), ('snoozed', 'Later'), ('ignored', 'Not ours to renew')], max_length=12, verbose_name='what')),
                ('until', models.DateTimeField(verbose_name='until')),
                ('reason', models.CharField(blank=True, max_length=500, verbose_name='reason')),
                ('by_name', models.CharField(max_length=254)),
                ('created_at', models.DateTimeField(verbose_name='said')),
                ('withdrawn_at', models.DateTimeField(blank=True, null=True, verbose_name='withdrawn')),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('credential', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='all_holds', to='registry.credential')),
            ],
            options={
                'verbose_name': 'hold',
                'verbose_name_plural': 'holds',
                'db_table': 'reminders_hold',
                'ordering': ['-created_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='CalendarEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('recipient', models.EmailField(max_length=254)),
                ('kind', models.CharField(choices=[('credential', 'a secret or certificate that ends'), ('ews', 'a mailbox that still sends by EWS'), ('consent', 'a consent that was withdrawn'), ('sign_in', 'a sign-in of a personal account that lapses')], max_length=10)),
                ('thing', models.UUIDField()),
                ('app_name', models.CharField(blank=True, max_length=120)),
                ('what', models.CharField(blank=True, max_length=254)),
                ('ends_at', models.DateTimeField()),
                ('sequence', models.PositiveIntegerField()),
                ('app', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='registry.appregistration')),
                ('corrected_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='corrections', to='outbox.delivery')),
                ('delivery', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='calendar_entries', to='outbox.delivery')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='registry.tenant')),
            ],
            options={
                'verbose_name': 'calendar entry',
                'verbose_name_plural': 'calendar entries',
                'indexes': [models.Index(condition=models.Q(('corrected_by', None)), fields=['thing', 'recipient'], name='calendar_entry_open')],
                'constraints': [models.UniqueConstraint(fields=('delivery', 'thing'), name='calendar_entry_once')],
            },
        ),
        migrations.CreateModel(
            name='Policy',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('plan', models.CharField(blank=True, max_length=120, validators=[alertadmin.reminders.models.policy.validate_plan], verbose_name='plan')),
                ('has_timing', models.BooleanField(default=False, verbose_name='own times')),
                ('quiet_from', models.TimeField(blank=True, null=True, verbose_name='quiet from')),
                ('quiet_until', models.TimeField(blank=True, null=True, verbose_name='quiet until')),
                ('working_days', models.CharField(default='1234567', max_length=7, validators=[alertadmin.reminders.models.policy.validate_working_days], verbose_name='days on which mail may leave')),
                ('digest', models.CharField(choices=[('each', 'as soon as something is due'), ('daily', 'once a day'), ('weekly', 'once a week')], default='each', max_length=6, verbose_name='mails')),
                ('digest_at', models.TimeField(default=datetime.time(8, 0), verbose_name='at')),
                ('app', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='policy', to='registry.appregistration')),
                ('tenant', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='policy', to='registry.tenant')),
            ],
            options={
                'verbose_name': 'reminder policy',
                'verbose_name_plural': 'reminder policies',
                'constraints': [models.CheckConstraint(condition=models.Q(('tenant', None), ('app', None), _connector='OR'), name='policy_of_one_thing'), models.UniqueConstraint(models.Value(1), condition=models.Q(('app', None), ('tenant', None)), name='one_policy_of_the_installation'), models.CheckConstraint(condition=models.Q(models.Q(('quiet_from', None), ('quiet_until', None)), models.Q(('quiet_from__isnull', False), ('quiet_until__isnull', False)), _connector='OR'), name='quiet_hours_have_two_ends', violation_error_message='Quiet hours need both a beginning and an end, or neither.')],
            },
        ),
        migrations.CreateModel(
            name='Recipient',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('line', models.PositiveSmallIntegerField(choices=[(1, 'Always'), (2, 'Unless it is acknowledged, and always in the last week')], default=1, verbose_name='told')),
                ('email', models.EmailField(max_length=254, verbose_name='e-mail address')),
                ('email_canonical', models.CharField(editable=False, max_length=254)),
                ('app', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='recipients', to='registry.appregistration')),
                ('tenant', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='recipients', to='registry.tenant')),
            ],
            options={
                'verbose_name': 'recipient',
                'verbose_name_plural': 'recipients',
                'ordering': ['line', 'email', 'id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('tenant', None), ('app', None), _connector='OR'), name='recipient_of_one_thing'), models.UniqueConstraint(condition=models.Q(('tenant__isnull', False)), fields=('email_canonical', 'tenant'), name='recipient_address_once_per_tenant'), models.UniqueConstraint(condition=models.Q(('app__isnull', False)), fields=('email_canonical', 'app'), name='recipient_address_once_per_app'), models.UniqueConstraint(condition=models.Q(('app', None), ('tenant', None)), fields=('email_canonical',), name='recipient_address_once_in_the_installation')],
            },
        ),
        migrations.CreateModel(
            name='ReminderLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('delivery', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notices', to='outbox.delivery')),
                ('reminder', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notices', to='reminders.reminder')),
            ],
            options={
                'verbose_name': 'notice',
                'verbose_name_plural': 'notices',
                'db_table': 'reminders_notice',
                'constraints': [models.UniqueConstraint(fields=('reminder', 'delivery'), name='notice_once')],
            },
        ),
        migrations.AddConstraint(
            model_name='reminder',
            constraint=models.UniqueConstraint(fields=('credential', 'expires_at', 'threshold'), name='reminder_owed_once'),
        ),
        migrations.AddConstraint(
            model_name='reminder',
            constraint=models.UniqueConstraint(fields=('mailbox', 'expires_at', 'threshold'), name='ews_reminder_owed_once'),
        ),
        migrations.AddConstraint(
            model_name='reminder',
            constraint=models.UniqueConstraint(fields=('consent_change',), name='withdrawal_told_once'),
        ),
        migrations.AddConstraint(
            model_name='reminder',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('consent_change', None), ('credential__isnull', False), ('kind', 'credential'), ('mailbox', None)), models.Q(('consent_change', None), ('credential', None), ('kind__in', ['ews', 'sign_in']), ('mailbox__isnull', False)), models.Q(('consent_change__isnull', False), ('credential', None), ('kind', 'consent'), ('mailbox', None)), _connector='OR'), name='reminder_of_one_thing'),
        ),
        migrations.AddIndex(
            model_name='snooze',
            index=models.Index(fields=['credential', 'until'], name='hold_by_credential'),
        ),
    ]
