"""A membership: somebody's role, in the whole installation or in one tenant of it."""

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
    """The installation would be left with nobody who may do everything."""

    def __str__(self) -> str:
        return _("Somebody must own this installation. Make another person an owner first.")


class RoleSource(models.TextChoices):
    HAND = "hand", gettext_lazy("Given by a person")
    GROUP = "group", gettext_lazy("By a group of the sign-in provider")


def _confirmed(now: datetime) -> Q:
    earliest = now - settings.ENVIRONMENT.group_roles_last
    return Q(confirmed_at__isnull=False, confirmed_at__gt=earliest, confirmed_at__lte=now + CLOCKS_DIFFER)


class MembershipQuerySet(models.QuerySet["Membership"]):
    def in_force(self, now: datetime) -> MembershipQuerySet:
        """Those that count: given by a person, or by a group that the provider confirmed not too long ago.

        What gives a right, or leads a mail to somebody because of their role, goes by these alone. A confirmation that
        is dated in the future was written by a clock that ran ahead, and counts for nothing.
        """
        return self.filter(~Q(source=RoleSource.GROUP) | _confirmed(now))

    def lapsed(self, now: datetime) -> MembershipQuerySet:
        """Those of groups that the provider has not confirmed within the limit: they come back when it does."""
        return self.filter(Q(source=RoleSource.GROUP) & ~_confirmed(now))

    def everywhere(self) -> MembershipQuerySet:
        return self.filter(tenant=None)

    def owners(self) -> MembershipQuerySet:
        """Of the installation, who can sign in."""
        return self.everywhere().filter(role=Role.OWNER, user__is_active=True)


@tenant_scoped("tenant")
class Membership(models.Model):
    """One role for each person, place and source: what a group gives goes with it, and what a person gave stays."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    tenant = models.ForeignKey(
        "registry.Tenant",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="memberships",
        verbose_name=gettext_lazy("tenant"),
    )
    """None: the whole installation, with every tenant in it."""
    role = models.CharField(gettext_lazy("role"), max_length=16, choices=Role)
    source = models.CharField(max_length=8, choices=RoleSource, default=RoleSource.HAND, editable=False)
    confirmed_at = models.DateTimeField(null=True, editable=False)
    """Of a group's role: when the provider last said that the person is in the group."""

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


def keep_an_owner() -> None:
    """Called last in a transaction that takes roles, switches people off or deletes them. An owner by a group whose
    confirmation lapsed counts: signing in by the provider gives the role back.

    Raises LastOwner, so that the transaction comes to nothing. The owners' rows are locked: two owners who demote each
    other at once are told one after the other.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("An owner is kept within a transaction, or not at all.")
    if not list(Membership.objects.owners().select_for_update(of=("self",)).values_list("pk", flat=True)):
        raise LastOwner


def make_owner(user: User) -> Membership:
    """Of the installation."""
    membership, _made = Membership.objects.update_or_create(
        user=user, tenant=None, source=RoleSource.HAND, defaults={"role": Role.OWNER}
    )
    return membership
