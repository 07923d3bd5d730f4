"""Consent: whether a tenant's administrator granted an app one permission, as found in its newest token."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from alertadmin.audit.tenant_scope import tenant_scoped
from alertadmin.registry.models.app_registration import AppRegistration
from alertadmin.registry.models.tenant import Tenant
from alertadmin.registry.permissions import OPTIONAL, RESOURCE_OF, TENANT_WIDE, Permission, Resource
from alertadmin.stored_values import TextListField, known


class ConsentStatus(models.TextChoices):
    GRANTED = "granted", _("Granted")
    NOT_IN_TOKEN = "not_in_token", _("Not in token")
    """Not granted, or scoped by Exchange's RBAC for Applications: only a test send can tell the difference."""
    ERROR = "error", _("Error")
    UNKNOWN = "unknown", _("Never checked")


@tenant_scoped("tenant")
class Consent(models.Model):
    """The last known status of one permission of an app in a tenant."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    app = models.ForeignKey(AppRegistration, models.CASCADE, related_name="consents")
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="consents")
    permission = models.CharField(_("permission"), max_length=40, choices=Permission)
    status = models.CharField(_("status"), max_length=12, choices=ConsentStatus, default=ConsentStatus.UNKNOWN)
    roles = TextListField(_("roles in the token"), default=list, blank=True)
    checked_at = models.DateTimeField(_("checked"), null=True, blank=True)
    cause = models.CharField(_("diagnosis"), max_length=40, blank=True)
    technical = models.TextField(_("technical detail"), blank=True)

    class Meta:
        ordering = ["tenant__name", "app__name", "permission"]
        constraints = [
            models.UniqueConstraint(fields=["app", "tenant", "permission"], name="consent_once_per_permission"),
        ]
        indexes = [models.Index(fields=["status"], name="consent_by_status")]
        verbose_name = _("consent")
        verbose_name_plural = _("consents")

    def __str__(self) -> str:
        return gettext("%(label)s: %(value)s") % {"label": self.permission, "value": self.get_status_display()}

    @property
    def audit_label(self) -> str:
        """Without the status, which is the one before the change that is recorded."""
        return str(self.permission)

    @property
    def reaches_every_mailbox(self) -> bool:
        return self.status == ConsentStatus.GRANTED and self.permission in TENANT_WIDE

    @property
    def optional(self) -> str:
        """The optional permission beside it; empty until the permission itself is granted, which is more important."""
        permission = known(Permission, self.permission)
        return OPTIONAL.get(permission, "") if permission and self.status == ConsentStatus.GRANTED else ""

    @property
    def resource(self) -> Resource | None:
        """What the permission belongs to; None if this version does not know the permission."""
        permission = known(Permission, self.permission)
        return RESOURCE_OF[permission] if permission else None

    @property
    def has_optional(self) -> bool:
        return self.optional in self.roles
