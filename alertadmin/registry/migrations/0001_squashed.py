# The migrations of 0.1.0's development in one file; a database that has all of them has this one.

import alertadmin.accounts.languages
import alertadmin.accounts.time_zones
import alertadmin.crypto.fields
import alertadmin.registry.clouds
import alertadmin.registry.guid
import alertadmin.registry.models.app_registration
import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    replaces = [
        ('registry', '0001_initial'),
        ('registry', '0002_exchange_on_premises'),
        ('registry', '0003_language'),
        ('registry', '0004_list_indexes'),
        ('registry', '0005_stricter_constraints'),
        ('registry', '0006_consent_changes'),
        ('registry', '0007_consent_returns'),
        ('registry', '0008_end_moves'),
        ('registry', '0009_handovers'),
        ('registry', '0010_consent_runs'),
        ('registry', '0011_guides'),
        ('registry', '0012_personal_accounts'),
        ('registry', '0013_factor_secrets'),
        ('registry', '0014_stopped_runs'),
        ('registry', '0015_handover_links'),
        ('registry', '0016_canonical_addresses'),
        ('registry', '0017_confirmed_sign_ins'),
    ]

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='AppRegistration',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=120, verbose_name='name')),
                ('client_id', alertadmin.registry.guid.GuidField(max_length=36, verbose_name='application (client) ID')),
                ('audience', models.CharField(choices=[('AzureADMyOrg', 'This directory only (single tenant)'), ('AzureADMultipleOrgs', 'Any Entra directory (multitenant)'), ('AzureADandPersonalMicrosoftAccount', 'Any Entra directory and personal Microsoft accounts'), ('PersonalMicrosoftAccount', 'Personal Microsoft accounts only')], default='AzureADMyOrg', max_length=40, verbose_name='supported account types')),
                ('redirect_uri', models.CharField(blank=True, default='https://login.microsoftonline.com/common/oauth2/nativeclient', max_length=255, verbose_name='redirect URI')),
                ('permissions', models.JSONField(blank=True, default=alertadmin.registry.models.app_registration.default_permissions, verbose_name='wanted permissions')),
                ('notes', models.TextField(blank=True, verbose_name='notes')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'verbose_name': 'app registration',
                'verbose_name_plural': 'app registrations',
                'ordering': ['name', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Consent',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('permission', models.CharField(choices=[('Mail.Send', 'Mail.Send'), ('full_access_as_app', 'full_access_as_app'), ('SMTP.SendAsApp', 'SMTP.SendAsApp')], max_length=40, verbose_name='permission')),
                ('status', models.CharField(choices=[('granted', 'Granted'), ('not_in_token', 'Not in token'), ('error', 'Error'), ('unknown', 'Never checked')], default='unknown', max_length=12, verbose_name='status')),
                ('roles', models.JSONField(blank=True, default=list, verbose_name='roles in the token')),
                ('checked_at', models.DateTimeField(blank=True, null=True, verbose_name='checked')),
                ('cause', models.CharField(blank=True, max_length=40, verbose_name='diagnosis')),
                ('technical', models.TextField(blank=True, verbose_name='technical detail')),
                ('app', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='consents', to='registry.appregistration')),
            ],
            options={
                'verbose_name': 'consent',
                'verbose_name_plural': 'consents',
                'ordering': ['tenant__name', 'app__name', 'permission'],
            },
        ),
        migrations.CreateModel(
            name='ConsentCheckBatch',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('started_at', models.DateTimeField(verbose_name='started')),
                ('finished_at', models.DateTimeField(null=True, verbose_name='finished')),
                ('lease_until', models.DateTimeField(null=True)),
                ('slot', models.CharField(max_length=36, null=True, unique=True)),
                ('is_stopped', models.BooleanField(default=False)),
                ('total', models.PositiveIntegerField(default=0)),
                ('granted', models.PositiveIntegerField(default=0)),
                ('app', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='consent_runs', to='registry.appregistration')),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'check of consents',
                'verbose_name_plural': 'checks of consents',
                'db_table': 'registry_consentrun',
                'ordering': ['-started_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='Credential',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('secret', 'Client secret'), ('certificate', 'Certificate')], default='secret', max_length=12, verbose_name='kind')),
                ('description', models.CharField(blank=True, max_length=200, verbose_name='description')),
                ('key_id', alertadmin.registry.guid.GuidField(blank=True, default='', max_length=36, verbose_name='secret ID')),
                ('hint', models.CharField(blank=True, editable=False, max_length=3, verbose_name='hint')),
                ('value', alertadmin.crypto.fields.EncryptedField(verbose_name='secret value')),
                ('certificate', models.TextField(blank=True, verbose_name='public certificate (PEM)')),
                ('starts_at', models.DateTimeField(blank=True, null=True, verbose_name='start')),
                ('expires_at', models.DateTimeField(verbose_name='end')),
                ('end_moves', models.PositiveIntegerField(default=0, editable=False)),
                ('end_moved_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('state', models.CharField(choices=[('current', 'In use'), ('next', 'Waiting to replace the one in use'), ('retired', 'Superseded')], default='current', max_length=8, verbose_name='state')),
                ('proven_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='last got a token')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('app', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='credentials', to='registry.appregistration')),
            ],
            options={
                'verbose_name': 'credential',
                'verbose_name_plural': 'credentials',
                'ordering': ['expires_at', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Mailbox',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('address', models.EmailField(max_length=254, verbose_name='address')),
                ('address_canonical', models.CharField(editable=False, max_length=254)),
                ('transport', models.CharField(choices=[('graph', 'Microsoft Graph'), ('ews', 'Exchange Web Services (EWS)'), ('smtp', 'SMTP AUTH (XOAUTH2)')], default='graph', max_length=8, verbose_name='sends by')),
                ('server', models.CharField(blank=True, choices=alertadmin.registry.clouds.server_choices, max_length=40, verbose_name='Exchange server on premises')),
                ('username', models.CharField(blank=True, max_length=200, verbose_name='user name')),
                ('login_kind', models.CharField(choices=[('ntlm', 'NTLM'), ('basic', 'Basic')], default='ntlm', max_length=8, verbose_name='login by')),
                ('password', alertadmin.crypto.fields.EncryptedField(verbose_name='password')),
                ('is_personal', models.BooleanField(default=False, editable=False, verbose_name='personal Microsoft account')),
                ('refresh_token', alertadmin.crypto.fields.EncryptedField(verbose_name='sign-in')),
                ('signed_in_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='signed in')),
                ('sign_in_ends_at', models.DateTimeField(blank=True, editable=False, null=True, verbose_name='sign-in ends')),
                ('sends_reminders', models.BooleanField(default=False, verbose_name='sends the reminders')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('app', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='mailboxes', to='registry.appregistration', verbose_name='app registration')),
            ],
            options={
                'verbose_name': 'mailbox',
                'verbose_name_plural': 'mailboxes',
                'ordering': ['address', 'id'],
            },
        ),
        migrations.CreateModel(
            name='DeviceCodeFlow',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('state', models.CharField(choices=[('waiting', 'Waiting for the code to be entered'), ('held', 'Waiting for an administrator to confirm the account'), ('done', 'Signed in'), ('declined', 'Declined'), ('expired', 'The code has expired'), ('other', 'Another account signed in'), ('failed', 'Failed')], max_length=8, verbose_name='state')),
                ('user_code', models.CharField(blank=True, max_length=40)),
                ('page', models.URLField(blank=True)),
                ('device_code', alertadmin.crypto.fields.EncryptedField()),
                ('interval', models.PositiveSmallIntegerField(default=5)),
                ('ask_from', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('account', models.CharField(blank=True, max_length=254)),
                ('held_token', alertadmin.crypto.fields.EncryptedField()),
                ('binding', models.CharField(blank=True, default='', editable=False, max_length=64)),
                ('cause', models.CharField(blank=True, max_length=40)),
                ('technical', models.TextField(blank=True)),
                ('started_at', models.DateTimeField()),
                ('begun_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('mailbox', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='sign_in', to='registry.mailbox')),
            ],
            options={
                'verbose_name': 'sign-in',
                'verbose_name_plural': 'sign-ins',
                'db_table': 'registry_signin',
            },
        ),
        migrations.CreateModel(
            name='MfaSecret',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('value', alertadmin.crypto.fields.EncryptedField()),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'secret of a second factor',
                'verbose_name_plural': 'secrets of second factors',
                'db_table': 'registry_factorsecret',
            },
        ),
        migrations.CreateModel(
            name='OneTimeLink',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('program', models.CharField(blank=True, max_length=20)),
                ('digest', models.CharField(editable=False, max_length=64, unique=True)),
                ('recipient', models.CharField(max_length=200, verbose_name='recipient')),
                ('reason', models.CharField(max_length=300, verbose_name='reason')),
                ('by_name', models.CharField(max_length=254)),
                ('made_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField(verbose_name='good until')),
                ('is_open', models.BooleanField(default=True)),
                ('opened_at', models.DateTimeField(null=True, verbose_name='opened')),
                ('opened_from', models.CharField(blank=True, max_length=45, verbose_name='from where')),
                ('revoked_at', models.DateTimeField(null=True, verbose_name='revoked')),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('credential', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='handover_links', to='registry.credential')),
                ('mailbox', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='registry.mailbox')),
            ],
            options={
                'verbose_name': 'one-time link to a secret',
                'verbose_name_plural': 'one-time links to secrets',
                'db_table': 'registry_handoverlink',
                'ordering': ['-made_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='SecretDisclosure',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('by_name', models.CharField(max_length=254)),
                ('reason', models.CharField(max_length=300, verbose_name='reason')),
                ('at', models.DateTimeField(verbose_name='shown')),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('credential', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='handover', to='registry.credential')),
            ],
            options={
                'verbose_name': 'showing of a secret',
                'verbose_name_plural': 'showings of secrets',
                'db_table': 'registry_handover',
            },
        ),
        migrations.CreateModel(
            name='Tenant',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(help_text='What your colleagues call this customer or company.', max_length=120, verbose_name='name')),
                ('directory_id', alertadmin.registry.guid.GuidField(error_messages={'unique': 'A tenant with this directory ID is registered already.'}, max_length=36, unique=True, verbose_name='directory (tenant) ID')),
                ('domain', models.CharField(blank=True, max_length=253, verbose_name='primary domain')),
                ('cloud', models.CharField(choices=alertadmin.registry.clouds.cloud_choices, default='global', max_length=40, verbose_name='cloud')),
                ('time_zone', models.CharField(default='UTC', max_length=60, validators=[alertadmin.accounts.time_zones.validate_time_zone], verbose_name='time zone')),
                ('language', models.CharField(blank=True, choices=alertadmin.accounts.languages.of_a_tenant, help_text='Its reminders are written in it.', max_length=8, verbose_name='language')),
                ('notes', models.TextField(blank=True, verbose_name='notes')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'verbose_name': 'tenant',
                'verbose_name_plural': 'tenants',
                'ordering': ['name', 'id'],
                'indexes': [models.Index(fields=['name', 'id'], name='tenant_by_name'), models.Index(fields=['domain', 'id'], name='tenant_by_domain')],
                'constraints': [models.CheckConstraint(condition=models.Q(('directory_id__regex', '\\A[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\\Z')), name='tenant_directory_id_is_guid')],
            },
        ),
        migrations.CreateModel(
            name='SetupProgress',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(default='ALERT mail', max_length=120, verbose_name='name')),
                ('audience', models.CharField(choices=[('AzureADMyOrg', 'This directory only (single tenant)'), ('AzureADMultipleOrgs', 'Any Entra directory (multitenant)'), ('AzureADandPersonalMicrosoftAccount', 'Any Entra directory and personal Microsoft accounts'), ('PersonalMicrosoftAccount', 'Personal Microsoft accounts only')], default='AzureADMyOrg', max_length=40, verbose_name='supported account types')),
                ('redirect_uri', models.CharField(blank=True, default='https://login.microsoftonline.com/common/oauth2/nativeclient', max_length=255, verbose_name='redirect URI')),
                ('is_scoped', models.BooleanField(default=False)),
                ('keeps_drafts', models.BooleanField(default=False)),
                ('begun_at', models.DateTimeField(auto_now_add=True)),
                ('app', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='guides', to='registry.appregistration')),
                ('mailbox', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='registry.mailbox')),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='guides', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='registry.tenant')),
            ],
            options={
                'verbose_name': 'registration begun',
                'verbose_name_plural': 'registrations begun',
                'db_table': 'registry_guide',
                'ordering': ['-begun_at', 'id'],
            },
        ),
        migrations.AddField(
            model_name='mailbox',
            name='tenant',
            field=models.ForeignKey(help_text='The directory the mailbox lives in; a multitenant app may send in others than its own.', on_delete=django.db.models.deletion.CASCADE, related_name='mailboxes', to='registry.tenant', verbose_name='tenant'),
        ),
        migrations.CreateModel(
            name='Contact',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email', models.EmailField(max_length=254, verbose_name='e-mail address')),
                ('email_canonical', models.CharField(editable=False, max_length=254)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='contacts', to='registry.tenant')),
            ],
            options={
                'ordering': ['email'],
            },
        ),
        migrations.CreateModel(
            name='ConsentChange',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('permission', models.CharField(choices=[('Mail.Send', 'Mail.Send'), ('full_access_as_app', 'full_access_as_app'), ('SMTP.SendAsApp', 'SMTP.SendAsApp')], max_length=40, verbose_name='permission')),
                ('before', models.CharField(choices=[('granted', 'Granted'), ('not_in_token', 'Not in token'), ('error', 'Error'), ('unknown', 'Never checked')], max_length=12, verbose_name='before')),
                ('after', models.CharField(choices=[('granted', 'Granted'), ('not_in_token', 'Not in token'), ('error', 'Error'), ('unknown', 'Never checked')], max_length=12, verbose_name='after')),
                ('cause', models.CharField(blank=True, max_length=40, verbose_name='diagnosis')),
                ('at', models.DateTimeField(verbose_name='seen')),
                ('app', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='consent_changes', to='registry.appregistration')),
                ('consent', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='changes', to='registry.consent')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='consent_changes', to='registry.tenant')),
            ],
            options={
                'verbose_name': 'change of consent',
                'verbose_name_plural': 'changes of consent',
                'ordering': ['-at', '-id'],
            },
        ),
        migrations.AddField(
            model_name='consent',
            name='tenant',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='consents', to='registry.tenant'),
        ),
        migrations.AddField(
            model_name='appregistration',
            name='tenant',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='apps', to='registry.tenant', verbose_name='home tenant'),
        ),
        migrations.CreateModel(
            name='ConsentCallback',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('outcome', models.CharField(choices=[('taken', 'Granted, as Microsoft says'), ('declined', 'Declined, or an error'), ('forged', 'Refused: not of our making'), ('expired', 'Refused: older than ten minutes'), ('foreign', 'Refused: begun by another person or in another browser'), ('replayed', 'Refused: came a second time'), ('mixed_up', 'Refused: for another directory')], max_length=10, verbose_name='outcome')),
                ('nonce', models.CharField(max_length=64, null=True, unique=True)),
                ('detail', models.CharField(blank=True, max_length=300)),
                ('at', models.DateTimeField(verbose_name='came')),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('consent', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='returns', to='registry.consent')),
            ],
            options={
                'verbose_name': 'return from the consent page',
                'verbose_name_plural': 'returns from the consent page',
                'db_table': 'registry_consentreturn',
                'ordering': ['-at', '-id'],
                'indexes': [models.Index(fields=['-at', '-id'], name='consent_return_newest')],
            },
        ),
        migrations.AddIndex(
            model_name='credential',
            index=models.Index(fields=['state', 'expires_at', 'id'], name='credential_by_state_end'),
        ),
        migrations.AddIndex(
            model_name='credential',
            index=models.Index(fields=['expires_at', 'id'], name='credential_by_end'),
        ),
        migrations.AddIndex(
            model_name='credential',
            index=models.Index(fields=['description', 'id'], name='credential_by_description'),
        ),
        migrations.AddConstraint(
            model_name='credential',
            constraint=models.CheckConstraint(condition=models.Q(('starts_at', None), ('starts_at__lt', models.F('expires_at')), _connector='OR'), name='credential_starts_before_end', violation_error_message='The end must be later than the start.'),
        ),
        migrations.AddConstraint(
            model_name='credential',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'current')), fields=('app',), name='one_current_credential', violation_error_message='This app has a secret in use already: replace that one.'),
        ),
        migrations.AddConstraint(
            model_name='credential',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'next')), fields=('app',), name='one_next_credential', violation_error_message='Another secret of this app waits already.'),
        ),
        migrations.AddConstraint(
            model_name='credential',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['current', 'next', 'retired'])), name='credential_state_is_known'),
        ),
        migrations.AddConstraint(
            model_name='credential',
            constraint=models.CheckConstraint(condition=models.Q(('key_id__regex', '\\A[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\\Z'), ('key_id', ''), _connector='OR'), name='credential_key_id_is_guid'),
        ),
        migrations.AddConstraint(
            model_name='onetimelink',
            constraint=models.UniqueConstraint(condition=models.Q(('is_open', True)), fields=('credential',), name='one_open_handover_link'),
        ),
        migrations.AddIndex(
            model_name='mailbox',
            index=models.Index(fields=['address', 'id'], name='mailbox_by_address'),
        ),
        migrations.AddConstraint(
            model_name='mailbox',
            constraint=models.UniqueConstraint(fields=('address_canonical', 'app'), name='mailbox_address_once_per_app', violation_error_message='This address is registered with this app already.'),
        ),
        migrations.AddConstraint(
            model_name='mailbox',
            constraint=models.UniqueConstraint(condition=models.Q(('app', None)), fields=('address_canonical', 'server'), name='mailbox_address_once_per_server', violation_error_message='This address is registered with this server already.'),
        ),
        migrations.AddConstraint(
            model_name='mailbox',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('app__isnull', False), ('server', '')), models.Q(('app', None), ('transport', 'ews'), models.Q(('server', ''), _negated=True)), _connector='OR'), name='mailbox_by_app_or_by_server', violation_error_message='A mailbox sends through an app registration, or through an Exchange server on premises by EWS.'),
        ),
        migrations.AddConstraint(
            model_name='mailbox',
            constraint=models.CheckConstraint(condition=models.Q(('is_personal', False), models.Q(('app__isnull', False), ('transport__in', ['graph', 'smtp'])), _connector='OR'), name='personal_by_graph_or_smtp', violation_error_message='A personal account sends through an app, by Microsoft Graph or by SMTP.'),
        ),
        migrations.AddConstraint(
            model_name='mailbox',
            constraint=models.CheckConstraint(condition=models.Q(('is_personal', True), models.Q(('refresh_token', None), ('sign_in_ends_at', None), ('signed_in_at', None)), _connector='OR'), name='only_personal_accounts_sign_in'),
        ),
        migrations.AddConstraint(
            model_name='mailbox',
            constraint=models.UniqueConstraint(condition=models.Q(('sends_reminders', True)), fields=('sends_reminders',), name='one_mailbox_sends_reminders', violation_error_message='Another mailbox sends the reminders already.'),
        ),
        migrations.AddConstraint(
            model_name='contact',
            constraint=models.UniqueConstraint(fields=('email_canonical', 'tenant'), name='contact_address_once_per_tenant'),
        ),
        migrations.AddIndex(
            model_name='consentchange',
            index=models.Index(fields=['before', 'after', 'at'], name='consent_withdrawn'),
        ),
        migrations.AddIndex(
            model_name='consent',
            index=models.Index(fields=['status'], name='consent_by_status'),
        ),
        migrations.AddConstraint(
            model_name='consent',
            constraint=models.UniqueConstraint(fields=('app', 'tenant', 'permission'), name='consent_once_per_permission'),
        ),
        migrations.AddIndex(
            model_name='appregistration',
            index=models.Index(fields=['name', 'client_id', 'id'], name='app_by_name'),
        ),
        migrations.AddIndex(
            model_name='appregistration',
            index=models.Index(fields=['client_id', 'id'], name='app_by_client_id'),
        ),
        migrations.AddConstraint(
            model_name='appregistration',
            constraint=models.UniqueConstraint(fields=('tenant', 'client_id'), name='client_id_once_per_tenant', violation_error_message='This tenant has an app registration with this client ID already.'),
        ),
        migrations.AddConstraint(
            model_name='appregistration',
            constraint=models.CheckConstraint(condition=models.Q(('client_id__regex', '\\A[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\\Z')), name='app_client_id_is_guid'),
        ),
    ]
