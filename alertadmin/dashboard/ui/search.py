"""Search of rows by a term in own or related columns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Field, Model, Q, QuerySet

from alertadmin.registry import folded_text
from alertadmin.registry.guid import GuidField

FEW = 500
_PART_OF_GUID = re.compile(r"[0-9a-fA-F-]+")


def apply_search(rows: QuerySet[Any], paths: Sequence[str], term: str) -> QuerySet[Any]:
    """Filter rows with the term in any of `paths`, without regard to case and accents.

    Searches each table by its own index: a rare term would otherwise scan all joined rows.
    A common term is found early in any order.
    """
    found: set[Any] = set()
    for condition in _by_table(rows.model, paths, term):
        found.update(rows.filter(condition).order_by().values_list("pk", flat=True)[: FEW + 1])
        if len(found) > FEW:
            return rows.filter(_contains(paths, term))
    return rows.filter(pk__in=found)


def containing(model: type[Model], columns: Sequence[str], term: str) -> Q | None:
    """The condition that one of these columns of the model contains the term; None if none of them can."""
    searched = [name for name in columns if _can_hold(model._meta.get_field(name), term)]
    return _contains(searched, term) if searched else None


def _by_table(model: type[Model], paths: Sequence[str], term: str) -> Iterator[Q]:
    """One condition per searched table."""
    tables: dict[str, list[str]] = {}
    for path in paths:
        table, _, column = path.rpartition("__")
        tables.setdefault(table, []).append(column)
    for table, columns in tables.items():
        joins = [(model, "")]
        for relation in table.split("__") if table else []:
            related = joins[-1][0]._meta.get_field(relation).related_model
            assert isinstance(related, type)  # noqa: S101 (paths lead through foreign keys)
            joins.append((related, relation))
        searched = [name for name in columns if _can_hold(joins[-1][0]._meta.get_field(name), term)]
        if not searched:
            continue
        condition = _contains(searched, term)
        for owner, relation in reversed(joins[1:]):
            condition = Q(**{f"{relation}__in": owner._default_manager.filter(condition).order_by().values("pk")})
        yield condition


def _can_hold(column: Field[Any, Any] | Any, term: str) -> bool:
    """Whether the field can hold the term: an ID holds no word."""
    return not isinstance(column, GuidField) or _PART_OF_GUID.fullmatch(term) is not None


def _contains(columns: Sequence[str], term: str) -> Q:
    return reduce(or_, (Q(**{f"{column}__{folded_text.LOOKUP}": term}) for column in columns))
