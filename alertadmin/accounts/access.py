"""Who may do what with which rows: the one place that decides.

A model says which tenant its rows are of (alertadmin.audit.tenant_scope), a page which right it needs (alertadmin.
accounts.declaring), and the roles that somebody holds, here and there, whether both go together. Rows of other tenants
do not exist for whoever holds no role in them: not in a list, not in a count, not by their address.
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
from alertadmin.audit.tenant_scope import owners_rows, scope_of, tenant_of

Row = TypeVar("Row", bound=Model)
Rows = type[Row] | QuerySet[Row]


class Access:
    """What one person may do, and with which rows. Memberships are asked for once."""

    def __init__(self, user: User | AnonymousUser | None) -> None:
        self._user = user if isinstance(user, User) and user.is_active else None

    @cached_property
    def _rights(self) -> dict[UUID | None, frozenset[Right]]:
        """By tenant; None stands for the installation."""
        rights: dict[UUID | None, frozenset[Right]] = {}
        if self._user is not None:
            held = Membership.objects.in_force(timezone.now()).filter(user=self._user).order_by()
            for tenant, role in held.values_list("tenant", "role"):
                rights[tenant] = rights.get(tenant, frozenset()) | RIGHTS[Role(role)]
        return rights

    def in_all_tenants(self, right: Right = Right.LOOK) -> bool:
        """In the whole installation, tenants to come included."""
        return right in self._rights.get(None, frozenset())

    def in_any_tenant(self, right: Right = Right.LOOK) -> bool:
        return any(right in rights for rights in self._rights.values())

    def in_tenant(self, tenant: UUID | None, right: Right) -> bool:
        return self.in_all_tenants(right) or (tenant is not None and right in self._rights.get(tenant, frozenset()))

    def held(self) -> list[frozenset[Right]]:
        """The rights of each place where somebody holds any."""
        return [self.rights_in(place) for place in self._rights]

    def rights_in(self, tenant: UUID | None) -> frozenset[Right]:
        """All that somebody may do there; None: in the installation."""
        return self._rights.get(None, frozenset()) | self._rights.get(tenant, frozenset())

    def may(self, right: Right, row: Model | None) -> bool:
        """With that row; None stands for what is of no tenant."""
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
        """Raises PermissionDenied without it: in the whole installation, or at least in some tenant."""
        if not (self.in_any_tenant(right) if anywhere else self.in_all_tenants(right)):
            raise PermissionDenied

    def visible(self, source: Rows[Row], right: Right = Right.LOOK) -> QuerySet[Row]:
        """Of a model or a queryset (not yet sliced), those with which somebody hold that right."""
        rows = source if isinstance(source, QuerySet) else source._default_manager.all()
        if (owners := self._owners(rows.model, right)) is not None:
            rows = rows.exclude(owners)
        if self.in_all_tenants(right):
            return rows
        belonging, tenants = scope_of(rows.model), self._tenants(right)
        return rows.filter(Q(**{f"{belonging}__in": tenants}) if isinstance(belonging, str) else belonging(tenants))

    def get_or_404(self, source: Rows[Row], pk: object, right: Right = Right.LOOK) -> Row:
        """Raises Http404 where there is no such row for them, and PermissionDenied where they may but look at it.

        Whether the row is somebody else's or nobody's, the same is asked and the same is answered.
        """
        found = self.visible(source).filter(pk=pk).first()
        if found is None:
            raise Http404
        if not self.may(right, found):
            raise PermissionDenied
        return found

    def needs_row(self, model: type[Model], right: Right) -> bool:
        """Whether the right depends on which row of the model it is."""
        return not self.in_all_tenants(right) or self._owners(model, right) is not None

    def _owners(self, model: type[Model], right: Right) -> Q | None:
        """The rows of the model that are not theirs to change, whatever tenant they are of."""
        return None if right != Right.CHANGE or self.in_all_tenants(Right.GOVERN) else owners_rows(model)

    def sees_person(self, pk: int | None) -> bool:
        """Whether they may know who that is: of the installation's people, and of other tenants', only those know who
        hold a role in all of it."""
        return self.in_all_tenants() or (pk is not None and pk in self._people)

    @cached_property
    def _people(self) -> frozenset[int]:
        return frozenset(self.visible(User).order_by().values_list("pk", flat=True))

    def _tenants(self, right: Right) -> QuerySet[Any]:
        held = Membership.objects.in_force(timezone.now()).filter(user=self._user, tenant__isnull=False)
        return held.filter(role__in=roles_for(right)).order_by().values("tenant")


def access_of(request: HttpRequest) -> Access:
    """The viewer's; one for each request."""
    found = vars(request).get("access")
    if found is None:
        found = vars(request)["access"] = Access(getattr(request, "user", None))
    return cast("Access", found)
