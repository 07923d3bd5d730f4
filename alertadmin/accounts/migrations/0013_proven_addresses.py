"""Addresses are proven. People with a role in the whole installation that a person gave are taken as proven: they hold
it already. The others are proven by the next link that is mailed to them."""

from __future__ import annotations

import uuid
from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.utils import timezone

import alertadmin.accounts.email_address
import alertadmin.accounts.pending_role


def take_as_proven(apps: Any, _schema_editor: Any) -> None:
    memberships = apps.get_model("accounts", "Membership").objects.filter(tenant=None, source="hand")
    people = apps.get_model("accounts", "User").objects.filter(pk__in=memberships.order_by().values("user"))
    people.update(proven_at=timezone.now(), proven_address=models.F("email_canonical"))


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0012_made_by_provider"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="proven_at",
            field=models.DateTimeField(editable=False, null=True, verbose_name="address proven"),
        ),
        migrations.AddField(
            model_name="user",
            name="proven_address",
            field=models.CharField(blank=True, default="", editable=False, max_length=254),
        ),
        migrations.CreateModel(
            name="PendingRole",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("owner", "Owner"),
                            ("administrator", "Administrator"),
                            ("operator", "Operator"),
                            ("viewer", "Viewer"),
                            ("auditor", "Auditor"),
                        ],
                        max_length=16,
                        verbose_name="role",
                    ),
                ),
                (
                    "address",
                    alertadmin.accounts.email_address.EmailAddressField(max_length=254, verbose_name="e-mail address"),
                ),
                ("made_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField(verbose_name="good until")),
                (
                    "nonce",
                    models.CharField(
                        default=alertadmin.accounts.pending_role.new_nonce, editable=False, max_length=32
                    ),
                ),
                (
                    "given_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="pending_role",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "role that waits for a proven address",
                "verbose_name_plural": "roles that wait for a proven address",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("role__in", ["owner", "administrator", "operator", "viewer", "auditor"])
                        ),
                        name="pending_role_is_known",
                    )
                ],
            },
        ),
        migrations.RunPython(take_as_proven, migrations.RunPython.noop, elidable=False),
    ]
