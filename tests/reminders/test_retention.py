"""Every column of every table has its time: what of the marks in old rows is left after `prune`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import connection, models

from alertadmin.audit.models import AuditEntry
from alertadmin.reminders import retention

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
DOCUMENT = Path(__file__).parents[2] / "docs" / "operations.md"
IP = "192.0.2.77"
LIBRARIES = {"auth_group_permissions", "auth_permission", "django_content_type"}
"""Django fills these by itself, with names of its own tables."""
WORDS = {
    *(f"outbox_delivery.{name}" for name in ("text", "html", "details", "attachments")),
    "outbox_attempt.steps",
}
CODES = {"registry_signin.user_code", "registry_signin.device_code"}
LONGEST_MARK = 5
GUIDS = {"directory_id", "client_id", "key_id"}
FIXED: dict[str, dict[str, Any]] = {
    # Values required by constraints, and those that mark a row as settled.
    "registry_credential": {"starts_at": None},
    "registry_mailbox": {"is_personal": True, "server": ""},
    "watching_ping": {"id": 1},
    "watching_monthly": {"id": 1},
    "outbox_delivery": {"state": "sent"},
    "registry_signin": {"state": "waiting"},
    "reminders_reminder": {"kind": "credential", "mailbox": None, "consent_change": None},
    "reminders_policy": {"app": None},
    "reminders_recipient": {"app": None},
    "outbox_channel": {"app": None},
    "registry_consentrun": {"slot": None},
    "accounts_signindemand": {"only": True},
    "reminders_scan": {"finished_at": NOW, "left_out": []},  # ids alone
}


def every_model() -> list[type[models.Model]]:
    return [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and model._meta.db_table not in LIBRARIES
    ]


def documented() -> dict[str, str]:
    """How long each table is kept, as docs/operations.md says it."""
    section = DOCUMENT.read_text(encoding="utf-8").split("## What is kept, and how long")[1].split("\n## ")[0]
    kept: dict[str, str] = {}
    for row in re.findall(r"^\| (`.+?) \| .* \| (.+?) \|$", section, re.M):
        for table in re.findall(r"`(\w+)`", row[0]):
            assert table not in kept, f"{table} twice"
            kept[table] = row[1]
    return kept


class Marks:
    """One row of each model, all its dates `old`, a mark of its own in each column that may name something."""

    def __init__(self, old: datetime) -> None:
        self.old = old
        self.marks: dict[str, str] = {}
        self._rows: dict[type[models.Model], models.Model] = {}
        for model in every_model():
            self._row(model)

    def _row(self, model: type[models.Model]) -> models.Model:
        if model in self._rows:
            return self._rows[model]
        table = model._meta.db_table
        values = dict(FIXED.get(table, {}))
        for field in model._meta.concrete_fields:
            if field.name not in values and not isinstance(field, models.AutoField):
                values[field.name] = self._value(model, field)
        row = model(**values)
        if model is AuditEntry:
            for column in ("who", "address", "request", "object_id", "label"):
                setattr(row, column, self._mark(table, column))
            row.save()
        else:
            # Not by a model's own save, which may look at what a form would refuse.
            model._default_manager.bulk_create([row])
        if row.pk is None:
            row = model._default_manager.get()
        self._rows[model] = row
        if model is not AuditEntry:
            self._write_marks(model)
        return row

    def _value(self, model: type[models.Model], field: Any) -> Any:
        if isinstance(field, models.ForeignKey):
            return None if field.related_model is model else self._row(field.related_model)
        if isinstance(field, models.DateTimeField):
            return self.old
        if isinstance(field, models.UUIDField):
            return uuid4()
        if field.name in GUIDS and model._meta.app_label == "registry":
            guid = self.marks[f"{model._meta.db_table}.{field.column}"] = str(uuid4())
            return guid
        if field.choices:
            return next((value for value, _label in field.flatchoices if value), "")
        if isinstance(field, models.BooleanField):
            return False
        if isinstance(field, models.IntegerField):
            return 1
        if isinstance(field, models.GenericIPAddressField):
            return IP
        if isinstance(field, models.JSONField):
            return {}
        if field.null:
            return None
        return time(8) if isinstance(field, models.TimeField) else ""

    def _write_marks(self, model: type[models.Model]) -> None:
        table, quote = model._meta.db_table, connection.ops.quote_name
        for field in model._meta.concrete_fields:
            column = str(field.column)
            if not may_name(field) or f"{table}.{column}" in self.marks or field.name in FIXED.get(table, {}):
                continue
            mark = self._mark(table, column)
            value = f'["{mark}"]' if isinstance(field, models.JSONField) else mark
            with connection.cursor() as cursor:
                cursor.execute(f"UPDATE {quote(table)} SET {quote(column)} = %s", [value])

    def _mark(self, table: str, column: str) -> str:
        mark = f"m{len(self.marks):03}x"
        self.marks[f"{table}.{column}"] = mark
        return mark

    def left(self) -> set[str]:
        """The columns whose mark is anywhere in the database."""
        content = "\n".join(everything())
        return {column for column, mark in self.marks.items() if mark in content}


def may_name(field: models.Field[Any, Any]) -> bool:
    """Whether the column can name a user, a tenant or an app: not a choice, nor a secret's first three letters."""
    is_text = isinstance(field, models.CharField | models.TextField | models.JSONField)
    return is_text and not field.choices and (field.max_length or LONGEST_MARK) >= LONGEST_MARK


def everything() -> Iterator[str]:
    for table in connection.introspection.table_names():
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            yield from (str(row) for row in cursor.fetchall())


def stays(column: str) -> bool:
    return documented()[column.partition(".")[0]].find("as long as") != -1 and column not in CODES


def test_every_table_is_in_the_document_once() -> None:
    tables = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    assert documented().keys() == tables


def test_the_marks_reach_every_column_that_may_name_something() -> None:
    marks = Marks(NOW)  # the session expires now
    assert marks.left() == marks.marks.keys()
    assert len(marks.marks) > 100
    retention.prune(NOW)
    assert marks.left() == marks.marks.keys()


def test_after_their_time_nothing_is_left_but_what_the_document_says() -> None:
    marks = Marks(NOW - timedelta(days=800))
    retention.prune(NOW)
    left = marks.left()
    assert left == {column for column in marks.marks if stays(column)}
    assert IP not in "\n".join(everything())
    assert retention.prune(NOW) == retention.Pruned()


def test_words_attachments_and_codes_go_long_before_the_rest() -> None:
    marks = Marks(NOW - timedelta(days=91))
    retention.prune(NOW)
    gone = {column for column in marks.marks if column not in marks.left()}
    sessions = {
        column for column in marks.marks if column.startswith(("usersessions_", "django_session", "accounts_tries"))
    }
    short = {
        column
        for column in marks.marks
        if column.startswith(("registry_consentrun", "registry_pendingimport", "registry_keptsecret", "bulk_"))
    }
    assert gone == WORDS | CODES | sessions | short
