"""Lists of any length: filtered, searched, sorted by an allowed column, and paged by key, never by offset.

A page of 50 costs the same at a thousand rows and at a million: it continues after the last row shown, by an index.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise

PAGE = 50


@dataclass(frozen=True)
class Column:
    """One heading. `field` sorts (with the row's id, so that no two rows tie); empty: this column does not sort."""

    label: str | Promise
    field: str = ""


@dataclass
class Page:
    rows: list[Any]
    columns: Sequence[Column]
    sort: str
    search: str
    chosen: dict[str, str]
    next_query: str = ""
    is_first: bool = True
    filters: dict[str, tuple[str | Promise, list[tuple[str, str]]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Listing:
    columns: Sequence[Column]
    search: Sequence[str]
    filters: Mapping[str, tuple[str | Promise, Sequence[tuple[str, Any]]]] = field(default_factory=dict)
    """Query parameter to (label, choices); the parameter's name is the field it filters."""
    default: str = ""

    def page(self, request: HttpRequest, queryset: QuerySet[Any]) -> Page:
        """Reads `q`, `sort` ("-field" for downwards), the filters and `after`; what it does not know it ignores."""
        sortable = {column.field for column in self.columns if column.field}
        sort = request.GET.get("sort", "")
        if sort.removeprefix("-") not in sortable:
            sort = self.default
        term = request.GET.get("q", "").strip()[:100].replace("\0", "")
        if term:
            queryset = queryset.filter(reduce(or_, (Q(**{f"{name}__icontains": term}) for name in self.search)))
        chosen = {}
        for name, (_label, choices) in self.filters.items():
            value = request.GET.get(name, "")
            if value in {str(key) for key, _text in choices}:
                chosen[name] = value
                queryset = queryset.filter(**{name: value})
        after = _read_cursor(request.GET.get("after", ""))
        rows = list(_after(queryset, sort, after)[: PAGE + 1])
        next_query = ""
        if len(rows) > PAGE:
            rows = rows[:PAGE]
            query = request.GET.copy()
            query["after"] = _cursor(rows[-1], sort.removeprefix("-"))
            next_query = query.urlencode()
        filters = {
            name: (label, [(str(k), str(t)) for k, t in choices]) for name, (label, choices) in self.filters.items()
        }
        return Page(rows, self.columns, sort, term, chosen, next_query, after is None, filters)


def _after(queryset: QuerySet[Any], sort: str, after: tuple[Any, str] | None) -> QuerySet[Any]:
    name, down = sort.removeprefix("-"), sort.startswith("-")
    if after is not None:
        value, key = after
        beyond = "lt" if down else "gt"
        queryset = queryset.filter(Q(**{f"{name}__{beyond}": value}) | Q(**{name: value, f"pk__{beyond}": key}))
    return queryset.order_by(sort, "-pk" if down else "pk")


def _cursor(row: Model, name: str) -> str:
    value: Any = row
    for part in name.split("__"):
        value = getattr(value, part)
    text = value.isoformat() if isinstance(value, datetime) else value
    return base64.urlsafe_b64encode(json.dumps([text, str(row.pk)]).encode()).decode("ascii").rstrip("=")


def _read_cursor(text: str) -> tuple[Any, str] | None:
    """None for no cursor, or one that somebody made up."""
    try:
        value, key = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if not isinstance(value, str) or not isinstance(key, str):
            return None
        from uuid import UUID

        UUID(key)
        return (parse_datetime(value) or value if value[:4].isdigit() else value), key
    except (ValueError, TypeError):
        return None
