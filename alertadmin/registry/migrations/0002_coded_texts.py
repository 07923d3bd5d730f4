"""Sentences that were stored in English become codes and parameters (`mailer.coded_text`): why a consent is not known,
and why the sign-in of a personal account failed."""

from __future__ import annotations

from typing import Any

from django.db import migrations

from ._sentences import encode_columns


def encode(apps: Any, schema_editor: Any) -> None:
    encode_columns(apps.get_model("registry", "Consent"), "technical")
    encode_columns(apps.get_model("registry", "DeviceCodeFlow"), "technical")


class Migration(migrations.Migration):
    dependencies = [("registry", "0001_squashed")]

    operations = [migrations.RunPython(encode, migrations.RunPython.noop, elidable=True)]
