"""An invitation: somebody who has no account yet is to have these roles.

Its link is not kept anywhere, hashed or not: it is signed anew whenever it is needed, with the key that signs sessions.
So a stolen database invites nobody; and a new `nonce` makes an older link worthless.
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
SIGNER = Signer(salt="alertadmin.accounts.models.invitation")
"""Of links that a page shows to who invites: they prove nothing. Links of earlier releases are such, the mailed too."""
PROVING = Signer(salt="alertadmin.accounts.models.invitation.mailed")
"""Of links that are mailed to the address, or printed at the console: opened, they prove it."""


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self, now: datetime) -> InvitationQuerySet:
        """Those that could still be accepted."""
        return self.filter(accepted_at=None, revoked_at=None, ends_at__gt=now)


def _of_tenants(tenants: models.QuerySet[Any]) -> models.Q:
    """Invitations to them; those to the whole installation are the installation's."""
    return models.Q(pk__in=InvitedRole.objects.filter(tenant__in=tenants).values("invitation")) & ~models.Q(
        pk__in=InvitedRole.objects.exclude(tenant__in=tenants).values("invitation")
    )


@tenant_scoped(_of_tenants)
class Invitation(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    address = EmailAddressField(_("e-mail address"))
    language = models.CharField(_("language"), max_length=8, blank=True)
    """Of the mail; blank: the installation's."""
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")
    """None: by command, of whoever runs the installation. With a person their open invitations go."""
    made_at = models.DateTimeField()
    ends_at = models.DateTimeField(_("good until"))
    nonce = models.CharField(max_length=32, default=partial(secrets.token_hex, 16), editable=False)
    accepted_at = models.DateTimeField(_("accepted"), null=True, blank=True)
    accepted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    revoked_at = models.DateTimeField(_("taken back"), null=True, blank=True)

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
        """What the link stands for. Without the signature it is worth nothing."""
        return f"{self.pk}.{self.nonce}"

    @property
    def link(self) -> str:
        """For the invited person's mail, and the operator's console, alone: on no page. It proves the address."""
        return self._link(PROVING)

    @property
    def shown_link(self) -> str:
        """For the page of people who manage all people, where no mail arrives. It proves nothing of the address."""
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
    """What a link stands for; None if it is none of ours."""
    for signer in (PROVING, SIGNER):
        try:
            return signer.unsign(token)
        except BadSignature:
            continue
    return None


def proves(token: str) -> bool:
    """Whether the link was in the mail, or printed at the console, and on no page."""
    try:
        PROVING.unsign(token)
    except BadSignature:
        return False
    return True
