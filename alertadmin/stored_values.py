"""Values of rows that another version or another program wrote: what they hold is read as far as this version knows it,
so that one such row fails no list, scan or page of others.

A column of JSON always gives its declared shape: what does not fit is left out. The database keeps it until
the row is saved.
"""

from __future__ import annotations

import enum
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, models
from django.db.models.fields.json import KeyTransform

log = logging.getLogger(__name__)

Member = TypeVar("Member", bound=enum.Enum)
Row = TypeVar("Row")
Result = TypeVar("Result")
Moment = TypeVar("Moment", date, datetime)


def known(choices: type[Member], value: object) -> Member | None:
    """The member with the stored value; None if this version does not know it."""
    try:
        return choices(value)
    except ValueError:
        return None


def read_each(rows: Iterable[Row], read: Callable[[Row], Result], what: str) -> Iterator[tuple[Row, Result | None]]:
    """Each row with what `read` makes of it; None where it raised, so that the others go on without it.

    It is logged with `what` and the error's type, whose text may hold a secret. An unreachable database is raised.
    """
    for row in rows:
        result = None
        try:
            result = read(row)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            key = row["pk"] if isinstance(row, Mapping) else getattr(row, "pk", "")
            log.error("%s %s cannot be read (%s), and is left out", what, key, type(error).__name__)
        yield row, result


def shifted(moment: Moment, by: timedelta) -> Moment:
    """`moment + by`, for a stored moment; the first or last one that there is, where that would raise OverflowError."""
    try:
        return moment + by
    except OverflowError:
        edge: date = type(moment).max if by > timedelta() else type(moment).min
        return edge.replace(tzinfo=moment.tzinfo) if isinstance(edge, datetime) else edge  # type: ignore[attr-defined, return-value]


class _ShapedJSONField(models.JSONField):
    """For migrations an ordinary JSONField."""

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.JSONField", args, kwargs

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        found = super().from_db_value(value, expression, connection)
        return found if isinstance(expression, KeyTransform) else self.shaped(found)

    def shaped(self, found: Any) -> Any:
        raise NotImplementedError


class TextListField(_ShapedJSONField):
    """A list of texts."""

    def shaped(self, found: Any) -> list[str]:
        return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


class ObjectListField(_ShapedJSONField):
    """A list of JSON objects that have at least the `keys`, each with a value of its type."""

    def __init__(self, *args: Any, keys: Mapping[str, type] = MappingProxyType({}), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.keys = keys

    def shaped(self, found: Any) -> list[dict[str, Any]]:
        return [one for one in found if self._fits(one)] if isinstance(found, list) else []

    def _fits(self, one: Any) -> bool:
        return isinstance(one, dict) and all(isinstance(one.get(name), kind) for name, kind in self.keys.items())


class ObjectField(_ShapedJSONField):
    """A JSON object."""

    def shaped(self, found: Any) -> dict[str, Any]:
        return found if isinstance(found, dict) else {}
