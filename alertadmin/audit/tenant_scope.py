"""The tenant of a model's rows, as declared by the model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured
from django.db.models import ForeignKey, Model, Q, QuerySet

Row = TypeVar("Row", bound=Model)
TenantScope = str | Callable[[QuerySet[Any]], Q]

_SCOPES: dict[str, TenantScope] = {}
"""By model label."""


def tenant_scoped(belonging: TenantScope) -> Callable[[type[Row]], type[Row]]:
    """Declare a model's tenant: a lookup path, such as "app__tenant", or a condition.

    The condition is called with a subquery of tenant ids and returns which rows belong to these tenants only. Rows
    without a tenant belong to the installation: only users with a role in all tenants see them.
    """

    def decorate(model: type[Row]) -> type[Row]:
        _SCOPES[model._meta.label] = belonging
        return model

    return decorate


_OWNER_ONLY: dict[str, Callable[[], Q]] = {}
"""By model label."""


def owner_only(rows: Callable[[], Q]) -> Callable[[type[Row]], type[Row]]:
    """Declare rows that only an owner of the installation may change: what the installation sends by, in any tenant.
    `rows` is evaluated at each use, since the rows may depend on others.

    Control of a sending route gives access to its mails, including an owner's password reset links.
    """

    def decorate(model: type[Row]) -> type[Row]:
        _OWNER_ONLY[model._meta.label] = rows
        return model

    return decorate


def owner_only_rows(model: type[Model]) -> Q | None:
    rows = _OWNER_ONLY.get(model._meta.label)
    return rows() if rows is not None else None


def scope_of(model: type[Model]) -> TenantScope:
    try:
        return _SCOPES[model._meta.label]
    except KeyError:
        raise ImproperlyConfigured(f"{model._meta.label} does not say of which tenant its rows are.") from None


def tenant_of(row: Model) -> UUID | None:
    """The id of the row's tenant, if the model declares a path."""
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
