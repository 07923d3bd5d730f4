"""The history of a consent: each change of status that a check found. Never deleted while the consent exists."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from alertadmin.audit.tenant_scope import tenant_scoped
from alertadmin.registry.models.app_registration import AppRegistration
from alertadmin.registry.models.consent import Consent, ConsentStatus
from alertadmin.registry.models.tenant import Tenant
from alertadmin.registry.permissions import Permission


@tenant_scoped("tenant")
class ConsentChange(models.Model):
    """A consent's status changed from `before` to `after`, found at `at`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    consent = models.ForeignKey(Consent, models.CASCADE, related_name="changes")
    app = models.ForeignKey(AppRegistration, models.CASCADE, related_name="consent_changes")
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="consent_changes")
    permission = models.CharField(_("permission"), max_length=40, choices=Permission)
    before = models.CharField(_("before"), max_length=12, choices=ConsentStatus)
    after = models.CharField(_("after"), max_length=12, choices=ConsentStatus)
    cause = models.CharField(_("diagnosis"), max_length=40, blank=True)
    at = models.DateTimeField(_("detected"))

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["before", "after", "at"], name="consent_withdrawn")]
        verbose_name = _("consent change")
        verbose_name_plural = _("consent changes")

    def __str__(self) -> str:
        return f"{self.permission}: {self.get_before_display()} -> {self.get_after_display()}"
