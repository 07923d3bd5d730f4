# The migrations of 0.1.0's development in one file; a database that has all of them has this one.

import alertadmin.crypto.fields
import django.db.models.deletion
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    replaces = [
        ('outbox', '0001_initial'),
        ('outbox', '0002_drafts'),
        ('outbox', '0003_channels'),
        ('outbox', '0004_held'),
        ('outbox', '0005_attachments'),
        ('outbox', '0006_house_and_review'),
        ('outbox', '0007_consent_requests'),
        ('outbox', '0008_review'),
        ('outbox', '0009_sends_as'),
        ('outbox', '0010_invitations'),
        ('outbox', '0011_password_mails'),
        ('outbox', '0012_secret_shown'),
        ('outbox', '0013_attempts_by_relay'),
        ('outbox', '0014_doubt_is_no_end'),
        ('outbox', '0015_whose_mail'),
        ('outbox', '0016_to_installation'),
        ('outbox', '0017_account_mails'),
        ('outbox', '0018_delivery_entries'),
        ('outbox', '0019_address_proofs'),
    ]

    dependencies = [
        ('registry', '0001_squashed'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Channel',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(help_text='As people know it, such as “Operations, Teams”.', max_length=100, verbose_name='name')),
                ('address', alertadmin.crypto.fields.EncryptedField(verbose_name='address')),
                ('service', models.CharField(editable=False, max_length=40)),
                ('label', models.CharField(editable=False, max_length=60, verbose_name='kind')),
                ('hint', models.CharField(editable=False, max_length=253, verbose_name='leads to')),
                ('signing_key', alertadmin.crypto.fields.EncryptedField(verbose_name='signing key')),
                ('line', models.PositiveSmallIntegerField(blank=True, choices=[(1, 'Always'), (2, 'Unless it is acknowledged, and always in the last week')], default=1, null=True, verbose_name='told')),
                ('is_last_resort', models.BooleanField(default=False, verbose_name='last resort')),
                ('is_paused', models.BooleanField(default=False, verbose_name='paused')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('app', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='channels', to='registry.appregistration')),
                ('tenant', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='channels', to='registry.tenant')),
            ],
            options={
                'verbose_name': 'channel',
                'verbose_name_plural': 'channels',
                'ordering': ['name', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('purpose', models.CharField(choices=[('test', 'Test send'), ('reminder', 'Reminder'), ('calendar', 'Calendar entry'), ('house', 'About alertadmin itself'), ('consent', 'Request for consent'), ('invitation', 'Invitation'), ('password', 'Link to a new password'), ('handover', 'Secret shown'), ('account', 'About a person’s account'), ('proof', 'Proof of an address')], max_length=12, verbose_name='purpose')),
                ('dedupe_key', models.CharField(max_length=300, unique=True)),
                ('recipient', models.CharField(max_length=254, verbose_name='recipient')),
                ('to_installation', models.BooleanField(db_default=False, default=False)),
                ('channel_label', models.CharField(blank=True, default='', max_length=60)),
                ('transport', models.CharField(blank=True, choices=[('graph', 'Microsoft Graph'), ('ews', 'Exchange Web Services (EWS)'), ('smtp', 'SMTP AUTH (XOAUTH2)')], max_length=8)),
                ('sends_as', models.CharField(blank=True, db_default='', default='', max_length=254)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='created')),
                ('urgency', models.DateTimeField(default=django.utils.timezone.now)),
                ('subject', models.CharField(blank=True, max_length=250, verbose_name='subject')),
                ('text', models.TextField(blank=True)),
                ('html', models.TextField(blank=True)),
                ('details', models.JSONField(blank=True, default=list)),
                ('attachments', models.JSONField(blank=True, default=list)),
                ('composed_at', models.DateTimeField(blank=True, null=True)),
                ('message_id', models.CharField(blank=True, max_length=200)),
                ('belongs_to', models.CharField(blank=True, db_default='', default='', max_length=36)),
                ('state', models.CharField(choices=[('pending', 'Waiting'), ('sending', 'Being sent'), ('sent', 'Sent'), ('uncertain', 'Uncertain'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='pending', max_length=10, verbose_name='state')),
                ('not_before', models.DateTimeField(default=django.utils.timezone.now)),
                ('review_until', models.DateTimeField(blank=True, null=True)),
                ('owner', models.UUIDField(blank=True, null=True)),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('tries', models.PositiveIntegerField(default=0)),
                ('was_uncertain', models.BooleanField(default=False)),
                ('settled_at', models.DateTimeField(blank=True, null=True, verbose_name='settled')),
                ('cause', models.CharField(blank=True, max_length=40)),
                ('reason', models.TextField(blank=True)),
                ('channel', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='deliveries', to='outbox.channel', verbose_name='channel')),
                ('mailbox', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='deliveries', to='registry.mailbox', verbose_name='mailbox')),
            ],
            options={
                'verbose_name': 'delivery',
                'verbose_name_plural': 'deliveries',
                'ordering': ['-created_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='ConsentRequest',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('permissions', models.JSONField(default=list, verbose_name='permissions')),
                ('recipient', models.EmailField(max_length=254, verbose_name='to')),
                ('by_name', models.CharField(max_length=254)),
                ('at', models.DateTimeField(verbose_name='asked')),
                ('app', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='consent_requests', to='registry.appregistration')),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='consent_requests', to='registry.tenant')),
                ('delivery', models.OneToOneField(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='consent_request', to='outbox.delivery')),
            ],
            options={
                'verbose_name': 'request for consent',
                'verbose_name_plural': 'requests for consent',
                'ordering': ['-at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='Attempt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('owner', models.UUIDField()),
                ('route', models.CharField(max_length=320, verbose_name='by')),
                ('transport', models.CharField(blank=True, max_length=8)),
                ('started_at', models.DateTimeField(verbose_name='started')),
                ('finished_at', models.DateTimeField(blank=True, null=True, verbose_name='finished')),
                ('door', models.CharField(blank=True, db_default='', default='', max_length=100)),
                ('outcome', models.CharField(choices=[('open', 'Under way'), ('accepted', 'Accepted'), ('refused', 'Not accepted'), ('unknown', 'No answer: may have been accepted'), ('lost', 'Worker was lost: may have been accepted')], default='open', max_length=10, verbose_name='outcome')),
                ('answer', models.CharField(blank=True, choices=[('refused', 'A clear no'), ('busy', 'Asked to come back later'), ('not_reached', 'The server was not reached'), ('cut_before', 'The connection broke before all was sent'), ('no_answer', 'No answer came'), ('gateway', 'A server on the way gave up'), ('foreign', 'An answer that is not the service’s own')], db_default='', default='', max_length=12, verbose_name='answer')),
                ('cause', models.CharField(blank=True, max_length=40)),
                ('technical', models.TextField(blank=True)),
                ('request_ids', models.JSONField(blank=True, default=dict)),
                ('held_until', models.DateTimeField(blank=True, null=True)),
                ('draft', models.TextField(blank=True, db_default='', default='')),
                ('steps', models.JSONField(blank=True, default=list)),
                ('mailbox', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='attempts', to='registry.mailbox')),
                ('channel', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='attempts', to='outbox.channel')),
                ('delivery', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='attempts', to='outbox.delivery')),
            ],
            options={
                'verbose_name': 'attempt',
                'verbose_name_plural': 'attempts',
                'ordering': ['number'],
            },
        ),
        migrations.CreateModel(
            name='DeliveryEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.BigIntegerField()),
                ('delivery', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='further_entries', to='outbox.delivery')),
            ],
            options={
                'verbose_name': 'entry that a mail tells of',
                'verbose_name_plural': 'entries that a mail tells of',
            },
        ),
        migrations.AddIndex(
            model_name='channel',
            index=models.Index(fields=['name', 'id'], name='channel_by_name'),
        ),
        migrations.AddConstraint(
            model_name='channel',
            constraint=models.CheckConstraint(condition=models.Q(('tenant', None), ('app', None), _connector='OR'), name='channel_of_one_thing'),
        ),
        migrations.AddConstraint(
            model_name='channel',
            constraint=models.CheckConstraint(condition=models.Q(('is_last_resort', False), models.Q(('app', None), ('tenant', None)), _connector='OR'), name='last_resort_of_the_installation'),
        ),
        migrations.AddConstraint(
            model_name='channel',
            constraint=models.CheckConstraint(condition=models.Q(('line__isnull', False), ('is_last_resort', True), _connector='OR'), name='channel_is_told_of_something'),
        ),
        migrations.AddConstraint(
            model_name='channel',
            constraint=models.CheckConstraint(condition=models.Q(('line', None), ('line__in', [1, 2]), _connector='OR'), name='channel_line_is_known'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(fields=['-created_at', '-id'], name='delivery_newest'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('state__in', ['pending', 'sending', 'uncertain'])), fields=['urgency', 'id'], name='delivery_open'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(fields=['mailbox', 'started_at'], name='attempt_by_mailbox'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(fields=['channel', 'started_at'], name='attempt_by_channel'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(fields=['door', 'started_at'], name='attempt_by_door'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(condition=models.Q(('draft__gt', '')), fields=['id'], name='attempt_with_draft'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(condition=models.Q(('transport', 'relay')), fields=['started_at'], name='attempt_by_relay'),
        ),
        migrations.AddIndex(
            model_name='attempt',
            index=models.Index(condition=models.Q(('held_until__isnull', False)), fields=['held_until'], name='attempt_held'),
        ),
        migrations.AddConstraint(
            model_name='attempt',
            constraint=models.UniqueConstraint(fields=('delivery', 'number'), name='attempt_number_once'),
        ),
        migrations.AddConstraint(
            model_name='deliveryentry',
            constraint=models.UniqueConstraint(fields=('delivery', 'number'), name='delivery_entry_once'),
        ),
    ]
