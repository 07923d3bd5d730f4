"""A mail to a contact of a tenant with secrets that expire, sent when a user asks for it, besides the reminders."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from alertadmin.accounts.email_address import EmailAddressField
from alertadmin.outbox.models.delivery import Delivery
from alertadmin.registry.models import Credential, Tenant


class RenewalRequest(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="renewal_requests")
    credentials = models.ManyToManyField(Credential, related_name="renewal_requests")
    recipient = EmailAddressField(_("to"))
    delivery = models.OneToOneField(Delivery, models.CASCADE, related_name="renewal_request")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    by_name = models.CharField(max_length=254)
    """Name and address, kept when the user is deleted: the recipient must know who asked."""
    at = models.DateTimeField(_("requested"))

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name = _("renewal request")
        verbose_name_plural = _("renewal requests")

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.recipient}"
