"""Which tenant the rows of a model are of. Each model says it for itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured
from django.db.models import ForeignKey, Model, Q, QuerySet

Row = TypeVar("Row", bound=Model)
Belonging = str | Callable[[QuerySet[Any]], Q]

_BELONGINGS: dict[str, Belonging] = {}
"""By a model's label."""


def tenant_scoped(belonging: Belonging) -> Callable[[type[Row]], type[Row]]:
    """Says it by a path, such as "app__tenant", or by a condition.

    The condition is called with the ids of tenants, a subquery, and says which rows are of them alone. Rows that are of
    no tenant are the installation's: only whoever holds a role in all of it sees them.
    """

    def decorate(model: type[Row]) -> type[Row]:
        _BELONGINGS[model._meta.label] = belonging
        return model

    return decorate


_OWNERS: dict[str, Callable[[], Q]] = {}
"""By a model's label."""


def changed_by_owners(rows: Callable[[], Q]) -> Callable[[type[Row]], type[Row]]:
    """Says which rows only an owner of the installation changes: what it sends by, of any tenant. `rows`
    is called each time it is asked, since which rows these are may follow from others.

    Whoever chooses by what the installation sends can read what it sends, links to an owner's new password too.
    """

    def decorate(model: type[Row]) -> type[Row]:
        _OWNERS[model._meta.label] = rows
        return model

    return decorate


def owners_rows(model: type[Model]) -> Q | None:
    rows = _OWNERS.get(model._meta.label)
    return rows() if rows is not None else None


def scope_of(model: type[Model]) -> Belonging:
    try:
        return _BELONGINGS[model._meta.label]
    except KeyError:
        raise ImproperlyConfigured(f"{model._meta.label} does not say of which tenant its rows are.") from None


def tenant_of(row: Model) -> UUID | None:
    """The id of its tenant, where the model says it by a path."""
    *parents, last = str(scope_of(type(row))).split("__")
    at: Any = row
    for parent in parents:
        at = getattr(at, parent)
        if at is None:
            return None
    if last == "pk":
        return cast("UUID", at.pk)
    field = at._meta.get_field(last)
    return cast("UUID | None", getattr(at, field.attname if isinstance(field, ForeignKey) else last))
