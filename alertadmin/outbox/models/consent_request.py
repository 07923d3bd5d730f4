"""A request by mail to a tenant's administrator to consent to an app's missing permissions, and its result."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from alertadmin.accounts.email_address import EmailAddressField
from alertadmin.outbox.models.delivery import Delivery
from alertadmin.registry.models import AppRegistration, Consent, ConsentChange, ConsentStatus, Tenant
from alertadmin.registry.permissions import Permission
from alertadmin.stored_values import TextListField


class ConsentRequest(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    app = models.ForeignKey(AppRegistration, models.CASCADE, related_name="consent_requests")
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="consent_requests")
    permissions = TextListField(_("permissions"), default=list)
    """The permissions that were missing when the request was made."""
    recipient = EmailAddressField(_("to"))
    delivery = models.OneToOneField(Delivery, models.SET_NULL, null=True, related_name="consent_request")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    by_name = models.CharField(max_length=254)
    """Name and address, kept when the user is deleted: the recipient must know who asked."""
    at = models.DateTimeField(_("requested"))

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name = _("consent request")
        verbose_name_plural = _("consent requests")

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.recipient}"

    def missing(self) -> list[Consent]:
        """Permissions of this request that are not granted now, as of the latest token, and that this version knows."""
        known = set(Permission.values) & set(self.permissions)
        asked = Consent.objects.filter(app=self.app_id, tenant=self.tenant_id, permission__in=known)
        return list(asked.exclude(status=ConsentStatus.GRANTED).select_related("app", "tenant").order_by("permission"))

    def granted_at(self) -> datetime | None:
        """When the last of the requested permissions was first seen as granted; None while one was not.

        Read from the change log, so that a permission revoked later does not reopen the request.
        """
        seen = ConsentChange.objects.filter(app=self.app_id, tenant=self.tenant_id, at__gte=self.at)
        first: dict[str, datetime] = {}
        for permission, at in seen.filter(after=ConsentStatus.GRANTED).order_by("at").values_list("permission", "at"):
            first.setdefault(permission, at)
        if not self.permissions or not first.keys() >= set(self.permissions):
            return None
        return max(first[permission] for permission in self.permissions)
