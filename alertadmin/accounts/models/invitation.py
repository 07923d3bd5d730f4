"""An invitation gives roles to a person who has no account yet.

The link is not stored, not even hashed: it is signed with SECRET_KEY when needed. So a stolen database yields no links,
and a new `nonce` invalidates older ones.
"""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from alertadmin.accounts.email_address import EmailAddressField
from alertadmin.accounts.roles import Role
from alertadmin.audit.tenant_scope import tenant_scoped

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager

GOOD_FOR = timedelta(days=7)
SIGNER = Signer(salt="alertadmin.accounts.invitation")
"""Signs links shown to the inviter on a page: they prove no address. Earlier releases signed mailed links so too."""
PROVING = Signer(salt="alertadmin.accounts.invitation.mailed")
"""Signs links that are mailed to the address or printed on the console: opening one proves the address."""


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self, now: datetime) -> InvitationQuerySet:
        """Invitations that can still be accepted."""
        return self.filter(accepted_at=None, revoked_at=None, ends_at__gt=now)


def _of_tenants(tenants: models.QuerySet[Any]) -> models.Q:
    """Invitations to these tenants only; those to the whole installation belong to no tenant."""
    return models.Q(pk__in=InvitedRole.objects.filter(tenant__in=tenants).values("invitation")) & ~models.Q(
        pk__in=InvitedRole.objects.exclude(tenant__in=tenants).values("invitation")
    )


@tenant_scoped(_of_tenants)
class Invitation(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    address = EmailAddressField(_("e-mail address"))
    language = models.CharField(_("language"), max_length=8, blank=True)
    """Language of the mail; blank: the installation's."""
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")
    """None: the operator, by command. Deleting a user deletes their open invitations."""
    made_at = models.DateTimeField()
    ends_at = models.DateTimeField(_("valid until"))
    nonce = models.CharField(max_length=32, default=partial(secrets.token_hex, 16), editable=False)
    accepted_at = models.DateTimeField(_("accepted"), null=True, blank=True)
    accepted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    revoked_at = models.DateTimeField(_("withdrawn"), null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    if TYPE_CHECKING:
        roles: RelatedManager[InvitedRole]

    class Meta:
        ordering = ["-made_at", "-id"]
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")

    def __str__(self) -> str:
        return self.address

    @property
    def key(self) -> str:
        """The signed content of the link; worthless without the signature."""
        return f"{self.pk}.{self.nonce}"

    @property
    def link(self) -> str:
        """For the mail and the operator's console only, never on a page. It proves the address."""
        return self._link(PROVING)

    @property
    def shown_link(self) -> str:
        """For the page of administrators of all tenants, when mail cannot be sent. It does not prove the address."""
        return self._link(SIGNER)

    def _link(self, signer: Signer) -> str:
        path = reverse("invitation-accept", args=[signer.sign(self.key)])
        return f"{settings.PUBLIC_URL}{path}"

    def is_open(self, now: datetime) -> bool:
        return self.accepted_at is None and self.revoked_at is None and now < self.ends_at


class InvitedRole(models.Model):
    invitation = models.ForeignKey(Invitation, models.CASCADE, related_name="roles")
    tenant = models.ForeignKey("registry.Tenant", models.CASCADE, null=True, blank=True, related_name="+")
    """None: the whole installation."""
    role = models.CharField(_("role"), max_length=16, choices=Role)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["invitation", "tenant"], name="invited_role_once_per_tenant"),
            models.UniqueConstraint(
                fields=["invitation"], condition=models.Q(tenant=None), name="invited_role_once_in_the_installation"
            ),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="invited_role_is_known"),
        ]
        verbose_name = _("invited role")
        verbose_name_plural = _("invited roles")

    def __str__(self) -> str:
        return self.get_role_display()


def read_key(token: str) -> str | None:
    """The key in a signed link; None if the signature is wrong."""
    for signer in (PROVING, SIGNER):
        try:
            return signer.unsign(token)
        except BadSignature:
            continue
    return None


def proves(token: str) -> bool:
    """Whether the link was mailed or printed on the console, so that opening it proves the address."""
    try:
        PROVING.unsign(token)
    except BadSignature:
        return False
    return True
