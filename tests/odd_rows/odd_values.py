"""Values that a column takes and no form of this version writes: of another version, of another program, of a restored
copy, of a person with a database client."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, models, transaction

from alertadmin.accounts.email_address import CanonicalAddressField, EmailAddressField
from alertadmin.audit.models import AuditEntry
from alertadmin.crypto.fields import EncryptedField
from tests.audit.tamper import without_triggers

NOT_KNOWN = {"unknown name": "later", "no name": ""}
"""Of choices: states, permissions, transports, causes, clouds, time zones, languages."""
NULL = "NULL"
SINGLY = frozenset({*NOT_KNOWN, NULL})
"""Kinds that hide what another column of the same row would do."""
NAMED = ("cause", "time_zone", "server", "service", "act")
"""Columns of names without `choices`."""
CODED = ("reason", "technical", "trouble", "route", "detail", "cause")
TEXTS = {
    "empty": "",
    "odd characters": "\u202egnp.\u2066\x1b[31m\x07\u200b👩‍👩‍👧\r\nBcc: b@x.example %(app)s %s {0} {{ x }} {% now %}",
    "256 characters": "W" * 256,
    "null byte": "a\0b",
}
MESSAGES = {
    "message of a later version": '{"code": "outbox.of_a_later_version", "params": {"x": "y"}}',
    "message of another shape": '{"code": "outbox.no_route", "params": [1]}',
    "message that is cut": '{"code": "outbox.',
}
ADDRESSES = {
    "no address": "the duty desk",
    "two lines": "a@x.example\r\nBcc: b@x.example",
    "without domain": "a@",
    "with marks": "a\u200e@x.example\u200e",
    "long": "a" * 240 + "@x.example",
    "null byte": "a\0b",
}
JSON = {
    "JSON null": None,
    "JSON text": "text",
    "JSON number": 5,
    "JSON object": {"a": [None]},
    "JSON list": [],
    "JSON list of odd things": [None, 1, "x", [], {}, {"name": None}],
    "JSON list of 1000": ["x"] * 1000,
    "deep JSON": json.loads("[" * 40 + "]" * 40),
}
ENCRYPTED = {
    "empty": "",
    "no ciphertext": "plain words",
    "key that is missing": "v1.k0000000." + "A" * 64,
    "bound, key that is missing": "v2.k0000000." + "A" * 43 + "." + "A" * 64,
    "null byte": "a\0b",
}
TIMES = {
    "year 1": datetime(1, 1, 1, tzinfo=UTC),
    "year 9999": datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
}
WALL_TIMES = {"midnight": time(0), "last moment of the day": time(23, 59, 59, 999999)}
NUMBERS = {"negative": -1, "zero": 0, "32767": 2**15 - 1, "2147483647": 2**31 - 1}


@dataclass(frozen=True)
class OddValue:
    model: type[models.Model]
    field: models.Field[Any, Any]
    kind: str
    value: Any

    def __str__(self) -> str:
        return f"{self.model.__name__}.{self.field.name}: {self.kind}"

    def put(self, key: object) -> bool:
        """Write it into the row, past the model. False if the database refuses it."""
        meta, quote = self.model._meta, connection.ops.quote_name
        assert meta.pk is not None
        place = (
            f"{quote(meta.db_table)} SET {quote(str(self.field.column))} = %s WHERE {quote(str(meta.pk.column))} = %s"
        )
        try:
            with transaction.atomic(), connection.cursor() as cursor, self._allowed():
                cursor.execute(f"UPDATE {place}", [self._stored(), meta.pk.get_db_prep_value(key, connection)])
                connection.check_constraints([meta.db_table])
        except (DatabaseError, ValueError, ValidationError):
            return False
        return True

    def _allowed(self) -> AbstractContextManager[None]:
        return without_triggers() if self.model is AuditEntry else nullcontext()

    def _stored(self) -> Any:
        if self.kind == NULL or isinstance(self.field, EncryptedField):
            return self.value
        return self.field.get_db_prep_value(self.value, connection)


def odd_values(model: type[models.Model]) -> Iterator[OddValue]:
    for field in model._meta.concrete_fields:
        if field.primary_key:
            continue
        for kind, value in _values_of(field).items():
            yield OddValue(model, field, kind, value)
        if field.null:
            yield OddValue(model, field, NULL, None)


def _values_of(field: models.Field[Any, Any]) -> Mapping[str, Any]:
    if isinstance(field, models.CharField | models.TextField):
        return ENCRYPTED if isinstance(field, EncryptedField) else _texts_of(field)
    for kind, values in (
        (models.JSONField, JSON),
        (models.DateTimeField, TIMES),
        (models.TimeField, WALL_TIMES),
        (models.IntegerField, NUMBERS),
    ):
        if isinstance(field, kind) and not field.is_relation:
            return values
    return {}


def _texts_of(field: models.Field[Any, Any]) -> Mapping[str, Any]:
    if isinstance(field, EmailAddressField | CanonicalAddressField) or field.name == "recipient":
        found = ADDRESSES
    elif field.choices:
        found = NOT_KNOWN
    else:
        found = {**TEXTS, **(NOT_KNOWN if field.name in NAMED else {}), **(MESSAGES if field.name in CODED else {})}
    if connection.vendor == "sqlite" or not field.max_length:
        return found
    return {kind: value[: field.max_length] for kind, value in found.items()}
