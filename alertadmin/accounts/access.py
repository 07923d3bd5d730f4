"""Authorisation: decide which rights a user holds on which rows.

A model declares the tenant of its rows (alertadmin.audit.tenant_scope), a view declares the right it needs
(alertadmin.accounts.decorators), and `Access` combines both with the user's roles. Rows of a tenant in which the user
holds no role are invisible: they are missing from lists and counts, and their URL answers 404.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, TypeVar, cast
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest
from django.utils import timezone

from alertadmin.accounts.models import User
from alertadmin.accounts.models.membership import Membership
from alertadmin.accounts.roles import RIGHTS, Right, Role, roles_for
from alertadmin.audit.tenant_scope import owner_only_rows, scope_of, tenant_of

Row = TypeVar("Row", bound=Model)
Rows = type[Row] | QuerySet[Row]


class Access:
    """What a user may do, and with which rows. Memberships are queried once per instance."""

    def __init__(self, user: User | AnonymousUser | None) -> None:
        self._user = user if isinstance(user, User) and user.is_active else None

    @cached_property
    def _rights(self) -> dict[UUID | None, frozenset[Right]]:
        """Rights by tenant id; the key None is the installation."""
        rights: dict[UUID | None, frozenset[Right]] = {}
        if self._user is not None:
            memberships = Membership.objects.in_force(timezone.now()).filter(user=self._user).order_by()
            for tenant, role in memberships.values_list("tenant", "role"):
                rights[tenant] = rights.get(tenant, frozenset()) | RIGHTS[Role(role)]
        return rights

    def in_all_tenants(self, right: Right = Right.LOOK) -> bool:
        """Whether the user holds the right in the whole installation, future tenants included."""
        return right in self._rights.get(None, frozenset())

    def in_any_tenant(self, right: Right = Right.LOOK) -> bool:
        return any(right in rights for rights in self._rights.values())

    def in_tenant(self, tenant: UUID | None, right: Right) -> bool:
        return self.in_all_tenants(right) or (tenant is not None and right in self._rights.get(tenant, frozenset()))

    def rights_by_scope(self) -> list[frozenset[Right]]:
        """The rights in each scope (a tenant or the installation) where the user holds any."""
        return [self.rights_in(scope) for scope in self._rights]

    def rights_in(self, tenant: UUID | None) -> frozenset[Right]:
        """All rights in a tenant; None: in the installation."""
        return self._rights.get(None, frozenset()) | self._rights.get(tenant, frozenset())

    def may(self, right: Right, row: Model | None) -> bool:
        """Whether the user holds the right on the row; None means an object that belongs to no tenant."""
        if row is None:
            return self.in_all_tenants(right)
        owners = self._owners(type(row), right)
        if owners is not None and type(row)._default_manager.filter(owners, pk=row.pk).exists():
            return False
        if self.in_all_tenants(right):
            return True
        if isinstance(scope_of(type(row)), str):
            return self.in_tenant(tenant_of(row), right)
        return self.visible(type(row), right).filter(pk=row.pk).exists()

    def require(self, right: Right, *, anywhere: bool = False) -> None:
        """Raises PermissionDenied if the right is missing in the whole installation, or with `anywhere` in every
        tenant."""
        if not (self.in_any_tenant(right) if anywhere else self.in_all_tenants(right)):
            raise PermissionDenied

    def visible(self, source: Rows[Row], right: Right = Right.LOOK) -> QuerySet[Row]:
        """The rows of a model or unsliced queryset on which the user holds the right."""
        rows = source if isinstance(source, QuerySet) else source._default_manager.all()
        if (owners := self._owners(rows.model, right)) is not None:
            rows = rows.exclude(owners)
        if self.in_all_tenants(right):
            return rows
        belonging, tenants = scope_of(rows.model), self._tenants(right)
        return rows.filter(Q(**{f"{belonging}__in": tenants}) if isinstance(belonging, str) else belonging(tenants))

    def get_or_404(self, source: Rows[Row], pk: object, right: Right = Right.LOOK) -> Row:
        """The row with this primary key.

        Raises Http404 if it does not exist or is invisible to the user, PermissionDenied if the user may only look at
        it. Missing and invisible rows run the same queries and give the same answer.
        """
        found = self.visible(source).filter(pk=pk).first()
        if found is None:
            raise Http404
        if not self.may(right, found):
            raise PermissionDenied
        return found

    def needs_row(self, model: type[Model], right: Right) -> bool:
        """Whether the right depends on the row."""
        return not self.in_all_tenants(right) or self._owners(model, right) is not None

    def _owners(self, model: type[Model], right: Right) -> Q | None:
        """Rows that only an owner may change, in every tenant. None: no such restriction applies."""
        return None if right != Right.CHANGE or self.in_all_tenants(Right.GOVERN) else owner_only_rows(model)

    def sees_person(self, pk: int | None) -> bool:
        """Whether the user may see that account's name. Accounts of other tenants and of the installation are visible
        only to users with a role in all tenants."""
        return self.in_all_tenants() or (pk is not None and pk in self._people)

    @cached_property
    def _people(self) -> frozenset[int]:
        return frozenset(self.visible(User).order_by().values_list("pk", flat=True))

    def _tenants(self, right: Right) -> QuerySet[Any]:
        memberships = Membership.objects.in_force(timezone.now()).filter(user=self._user, tenant__isnull=False)
        return memberships.filter(role__in=roles_for(right)).order_by().values("tenant")


def access_of(request: HttpRequest) -> Access:
    """The access of the request's user, built once per request."""
    found = vars(request).get("access")
    if found is None:
        found = vars(request)["access"] = Access(getattr(request, "user", None))
    return cast("Access", found)
