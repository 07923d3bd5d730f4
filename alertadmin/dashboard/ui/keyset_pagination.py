"""Keyset pagination: the rows after or before a key, in a total order."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from django.core.exceptions import ValidationError
from django.db.models import BooleanField, DateTimeField, F, Field, Func, Model, QuerySet, Value

Direction = Literal["after", "before"] | None


class Keyset:
    """`keys` are field paths that order the rows; the last one is unique, none is nullable."""

    def __init__(self, queryset: QuerySet[Any], keys: Sequence[str], *, descending: bool) -> None:
        self._queryset = queryset
        self._keys = tuple(keys)
        self._descending = descending

    def read(self, after: str, before: str, size: int) -> tuple[list[Any], bool, Direction]:
        """Return the rows, whether more follow in the direction read, and the direction of the cursor used."""
        if (values := self._values(after)) is not None:
            rows, direction = self._rows(values, backwards=False, size=size), "after"
        elif (values := self._values(before)) is not None:
            rows, direction = self._rows(values, backwards=True, size=size), "before"
        else:
            rows, direction = self._rows(None, backwards=False, size=size), None
        more = len(rows) > size
        rows = rows[:size]
        if direction == "before":
            rows.reverse()
        return rows, more, direction  # type: ignore[return-value]

    def cursor(self, row: Model) -> str:
        """Cursor of a row for a URL. It contains only values that the list shows."""
        values = [_walked(row, key) for key in self._keys]
        texts = [value.isoformat() if isinstance(value, datetime) else str(value) for value in values]
        return base64.urlsafe_b64encode(json.dumps(texts, ensure_ascii=False).encode()).decode("ascii").rstrip("=")

    def _rows(self, values: Sequence[Any] | None, *, backwards: bool, size: int) -> list[Any]:
        down = self._descending != backwards
        queryset = self._queryset
        if values is not None:
            queryset = queryset.filter(*self._beyond(values, "<" if down else ">"))
        return list(queryset.order_by(*(f"-{key}" if down else key for key in self._keys))[: size + 1])

    def _beyond(self, values: Sequence[Any], operator: str) -> Iterator[_Beyond]:
        """No index spans several tables, so also bound the keys of the first table, which its own index can seek."""
        model, together = self._queryset.model, _of_one_table(self._keys)
        yield _Beyond(model, self._keys, values, operator)
        if together < len(self._keys):
            yield _Beyond(model, self._keys[:together], values[:together], f"{operator}=")

    def _values(self, text: str) -> list[Any] | None:
        """Parse a cursor; None if empty or invalid."""
        if not text:
            return None
        try:
            texts = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            if len(texts) != len(self._keys):
                return None
            fields = [_field(self._queryset.model, key) for key in self._keys]
            return [_value(field, text) for field, text in zip(fields, texts, strict=True)]
        except (ValueError, TypeError, OverflowError, RecursionError, ValidationError):
            return None


class _Beyond(Func):
    """(a, b) > (x, y) as one row comparison: the database seeks in the index, however many rows share a."""

    output_field = BooleanField()

    def __init__(self, model: type[Model], keys: Sequence[str], values: Sequence[Any], operator: str) -> None:
        fields = [_field(model, key) for key in keys]
        stood = (Value(value, output_field=field) for value, field in zip(values, fields, strict=True))
        super().__init__(*map(F, keys), *stood)
        self._operator = operator

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, list[Any]]:  # type: ignore[override]
        compiled = [compiler.compile(expression) for expression in self.source_expressions]
        texts = [text for text, _parameters in compiled]
        half = len(texts) // 2
        rows = (f"({', '.join(texts[:half])})", f"({', '.join(texts[half:])})")
        return f" {self._operator} ".join(rows), [each for _text, parameters in compiled for each in parameters]


def _of_one_table(keys: Sequence[str]) -> int:
    """Number of leading keys that are fields of the first table."""
    tables = [key.rpartition("__")[0] for key in keys]
    return next((position for position, table in enumerate(tables) if table != tables[0]), len(tables))


def _field(model: type[Model], path: str) -> Field[Any, Any]:
    *parents, last = path.split("__")
    for parent in parents:
        model = model._meta.get_field(parent).related_model  # type: ignore[assignment]
    found = model._meta.pk if last == "pk" else model._meta.get_field(last)
    if not isinstance(found, Field):
        raise TypeError(path)
    return found.target_field if found.is_relation else found  # type: ignore[attr-defined]


def _value(field: Field[Any, Any], text: object) -> Any:
    """Convert a cursor value to the field's type. Raises an error that `_values` handles for values that no row can
    have."""
    if not isinstance(text, str) or "\0" in text:
        raise TypeError
    text.encode()  # rejects half a surrogate pair
    if isinstance(field, DateTimeField):
        moment = datetime.fromisoformat(text)
        if moment.utcoffset() is None:
            raise ValueError
        return moment.astimezone(UTC)  # rejects what would overflow in the database adapter
    return field.to_python(text)


def _walked(row: Any, path: str) -> Any:
    for part in path.split("__"):
        row = getattr(row, part)
    return row
