"""The record that a secret's value was disclosed: by which user, when and why."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from alertadmin.registry.models.credential import Credential


class SecretDisclosure(models.Model):
    """Stored before the value is shown. Unique for a credential, so that a value is disclosed once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    credential = models.OneToOneField(Credential, models.CASCADE, related_name="handover")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    by_name = models.CharField(max_length=254)
    """Kept when the user is deleted."""
    reason = models.CharField(_("reason"), max_length=300)
    at = models.DateTimeField(_("shown"))

    class Meta:
        db_table = "registry_handover"  # older than the model's name
        verbose_name = _("secret disclosure")
        verbose_name_plural = _("secret disclosures")

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.by_name}"
