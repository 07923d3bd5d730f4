"""Membership: a user's role, in one tenant or in the whole installation."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alertadmin.accounts.roles import Role
from alertadmin.audit.tenant_scope import tenant_scoped
from alertadmin.clock_skew import CLOCKS_DIFFER

if TYPE_CHECKING:
    from alertadmin.accounts.models import User


class LastOwner(Exception):
    """The change would leave the installation without an active owner."""

    def __str__(self) -> str:
        return _("This installation needs an owner. Make another user an owner first.")


class RoleSource(models.TextChoices):
    HAND = "hand", gettext_lazy("Given by a user")
    GROUP = "group", gettext_lazy("Given by a group of the sign-in provider")


def _confirmed(now: datetime) -> Q:
    earliest = now - settings.ENVIRONMENT.group_roles_last
    return Q(confirmed_at__isnull=False, confirmed_at__gt=earliest, confirmed_at__lte=now + CLOCKS_DIFFER)


class MembershipQuerySet(models.QuerySet["Membership"]):
    def in_force(self, now: datetime) -> MembershipQuerySet:
        """Memberships in force: granted by a person, or by a group that the provider confirmed recently.

        Rights, and mails sent because of a role, depend on these only. A confirmation dated more than CLOCKS_DIFFER
        ahead comes from a fast clock and does not count.
        """
        return self.filter(~Q(source=RoleSource.GROUP) | _confirmed(now))

    def expired(self, now: datetime) -> MembershipQuerySet:
        """Group memberships that the provider has not confirmed within the limit; the next confirmation restores
        them."""
        return self.filter(Q(source=RoleSource.GROUP) & ~_confirmed(now))

    def in_all_tenants(self) -> MembershipQuerySet:
        return self.filter(tenant=None)

    def owners(self) -> MembershipQuerySet:
        """Owners of the installation with an active account."""
        return self.in_all_tenants().filter(role=Role.OWNER, user__is_active=True)


@tenant_scoped("tenant")
class Membership(models.Model):
    """One role per user, scope and source, so that a group's role and one granted by a person are independent."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    tenant = models.ForeignKey(
        "registry.Tenant",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="memberships",
        verbose_name=gettext_lazy("tenant"),
    )
    """None: the whole installation, with all tenants."""
    role = models.CharField(gettext_lazy("role"), max_length=16, choices=Role)
    source = models.CharField(max_length=8, choices=RoleSource, default=RoleSource.HAND, editable=False)
    confirmed_at = models.DateTimeField(null=True, editable=False)
    """For a group's role: when the provider last confirmed the group."""

    objects = MembershipQuerySet.as_manager()

    class Meta:
        ordering = ["user", "tenant", "id"]
        constraints = [
            models.UniqueConstraint(fields=["user", "tenant", "source"], name="role_once_per_tenant"),
            models.UniqueConstraint(
                fields=["user", "source"], condition=Q(tenant=None), name="role_once_in_the_installation"
            ),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_is_known"),
            models.CheckConstraint(
                condition=~Q(source=RoleSource.GROUP) | Q(confirmed_at__isnull=False), name="group_role_was_confirmed"
            ),
        ]
        verbose_name = gettext_lazy("membership")
        verbose_name_plural = gettext_lazy("memberships")

    def __str__(self) -> str:
        return f"{self.user}: {self.get_role_display()}"


def require_an_owner() -> None:
    """Check that an owner remains. Call last in a transaction that removes roles or deactivates or deletes users. An
    owner by a group with an expired confirmation counts: signing in by the provider restores the role.

    Raises LastOwner, which rolls the transaction back. Owner rows are locked, so two owners who demote each other are
    serialised.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("require_an_owner must be called within a transaction.")
    if not list(Membership.objects.owners().select_for_update(of=("self",)).values_list("pk", flat=True)):
        raise LastOwner


def make_owner(user: User) -> Membership:
    """Make a user an owner of the installation."""
    membership, _made = Membership.objects.update_or_create(
        user=user, tenant=None, source=RoleSource.HAND, defaults={"role": Role.OWNER}
    )
    return membership
