"""As outbox.0002: why a ping was not answered."""

from __future__ import annotations

from typing import Any

from django.db import migrations

from alertadmin.registry.migrations._sentences import encode_columns


def encode(apps: Any, schema_editor: Any) -> None:
    encode_columns(apps.get_model("watching", "Ping"), "trouble")


class Migration(migrations.Migration):
    dependencies = [("watching", "0001_squashed")]

    operations = [migrations.RunPython(encode, migrations.RunPython.noop, elidable=True)]
