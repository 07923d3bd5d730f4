# The migrations of 0.1.0's development in one file; a database that has all of them has this one.

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    replaces = [
        ('watching', '0001_ping'),
        ('watching', '0002_letters'),
        ('watching', '0003_put_back'),
        ('watching', '0004_heartbeat'),
        ('watching', '0005_route_letters'),
    ]

    dependencies = [
        ('outbox', '0001_squashed'),
    ]

    operations = [
        migrations.CreateModel(
            name='Heartbeat',
            fields=[
                ('source', models.CharField(choices=[('worker', 'Worker'), ('command', 'send_reminders')], max_length=8, primary_key=True, serialize=False)),
                ('at', models.DateTimeField()),
                ('checked_at', models.DateTimeField(blank=True, null=True)),
                ('problems', models.JSONField(blank=True, default=list)),
            ],
            options={
                'verbose_name': 'heartbeat',
                'verbose_name_plural': 'heartbeats',
            },
        ),
        migrations.CreateModel(
            name='Monthly',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('is_on', models.BooleanField(default=True, verbose_name='send it')),
                ('day', models.PositiveSmallIntegerField(default=1, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(28)], verbose_name='day of the month')),
                ('emails', models.JSONField(blank=True, default=list, verbose_name='to')),
            ],
            options={
                'verbose_name': 'monthly mail',
                'verbose_name_plural': 'monthly mails',
                'constraints': [models.CheckConstraint(condition=models.Q(('pk', 1)), name='one_monthly_mail')],
            },
        ),
        migrations.CreateModel(
            name='Ping',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('tried_at', models.DateTimeField(verbose_name='tried')),
                ('answered_at', models.DateTimeField(blank=True, null=True, verbose_name='answered')),
                ('trouble', models.TextField(blank=True)),
            ],
            options={
                'verbose_name': 'ping',
                'verbose_name_plural': 'pings',
                'constraints': [models.CheckConstraint(condition=models.Q(('pk', 1)), name='one_ping')],
            },
        ),
        migrations.CreateModel(
            name='SystemMail',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('monthly', 'Monthly mail'), ('unreachable', 'A recipient cannot be reached'), ('put_back', 'The database was put back from a copy'), ('route', 'What this installation sends by was changed')], max_length=12)),
                ('about', models.CharField(max_length=254)),
                ('recipient', models.CharField(max_length=254)),
                ('delivery', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='letters', to='outbox.delivery')),
            ],
            options={
                'verbose_name': 'letter',
                'verbose_name_plural': 'letters',
                'db_table': 'watching_letter',
                'constraints': [models.UniqueConstraint(fields=('kind', 'about', 'recipient'), name='letter_once')],
            },
        ),
    ]
