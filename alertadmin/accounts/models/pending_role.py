"""A role in the whole installation that takes effect once the user's address is proven: the row and its mailed link."""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from alertadmin.accounts.email_address import EmailAddressField
from alertadmin.accounts.roles import Role
from alertadmin.audit.tenant_scope import tenant_scoped

GOOD_FOR = timedelta(days=7)
SIGNER = Signer(salt="alertadmin.accounts.pending_role")


def new_nonce() -> str:
    return secrets.token_hex(16)


class PendingRoleQuerySet(models.QuerySet["PendingRole"]):
    def open(self, now: datetime) -> PendingRoleQuerySet:
        """Roles whose link is still valid."""
        return self.filter(ends_at__gt=now)


def _of_no_tenant(_tenants: models.QuerySet[Any]) -> models.Q:
    """Roles in the whole installation belong to no tenant."""
    return models.Q(pk__in=[])


@tenant_scoped(_of_no_tenant)
class PendingRole(models.Model):
    """At most one per user. Deleted when the role is granted or withdrawn; the audit trail keeps both."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="pending_role")
    role = models.CharField(_("role"), max_length=16, choices=Role)
    address = EmailAddressField(_("e-mail address"))
    """The address to prove, as stored when the role was granted. If the account's address changes, the link is void."""
    given_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")
    """None: granted by the operator, by command."""
    made_at = models.DateTimeField()
    ends_at = models.DateTimeField(_("valid until"))
    nonce = models.CharField(max_length=32, default=new_nonce, editable=False)

    objects = PendingRoleQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="pending_role_is_known"),
        ]
        verbose_name = _("pending role")
        verbose_name_plural = _("pending roles")

    def __str__(self) -> str:
        return f"{self.user}: {self.get_role_display()}"

    @property
    def key(self) -> str:
        """The signed content of the link; worthless without the signature."""
        return f"{self.pk}.{self.nonce}"

    @property
    def link(self) -> str:
        """For the mail to `address` only, never on a page, so that only the owner of the mailbox gets it."""
        path = reverse("prove-address", args=[SIGNER.sign(self.key)])
        return f"{settings.PUBLIC_URL}{path}"


def find(token: str, now: datetime) -> PendingRole | None:
    """The role of a link; None if it is forged or expired, or the account's address has changed."""
    try:
        pk, _dot, nonce = SIGNER.unsign(token).partition(".")
    except BadSignature:
        return None
    rows = PendingRole.objects.open(now).select_related("user", "given_by")
    found = rows.filter(pk=pk, nonce=nonce, user__is_active=True).first()
    return found if found is not None and found.address == found.user.email else None
