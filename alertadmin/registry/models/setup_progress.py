"""A registration that somebody has begun by the guide and not finished: where it was left, so that it goes on there."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from alertadmin.audit.tenant_scope import tenant_scoped
from alertadmin.registry.models.app_registration import NATIVE_CLIENT, AppRegistration, SignInAudience
from alertadmin.registry.models.mailbox import Mailbox
from alertadmin.registry.models.tenant import Tenant


@tenant_scoped("tenant")
class SetupProgress(models.Model):
    """Points at the rows that its steps made; keeps by itself only what has no row yet. Never a secret."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="guides")
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+")
    app = models.ForeignKey(AppRegistration, models.SET_NULL, null=True, related_name="guides")
    mailbox = models.ForeignKey(Mailbox, models.SET_NULL, null=True, related_name="+")
    name = models.CharField(_("name"), max_length=120, default="ALERT mail")
    """Of the application, as are the next two, until its client id is known."""
    audience = models.CharField(
        _("supported account types"), max_length=40, choices=SignInAudience, default=SignInAudience.MY_ORG
    )
    redirect_uri = models.CharField(_("redirect URI"), max_length=255, default=NATIVE_CLIENT, blank=True)
    is_scoped = models.BooleanField(default=False)
    """Exchange gives the permissions for the mailbox alone (RBAC for Applications); Entra is asked for none."""
    keeps_drafts = models.BooleanField(default=False)
    """Mail.ReadWrite is to be granted beside Mail.Send."""
    begun_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "registry_guide"  # older than the model's name
        ordering = ["-begun_at", "id"]
        verbose_name = _("registration begun")
        verbose_name_plural = _("registrations begun")

    def __str__(self) -> str:
        return f"{self.tenant.name} / {self.app.name if self.app else self.name}"

    def get_absolute_url(self) -> str:
        """Leads to the step where it was left."""
        return reverse("guide-on", args=[self.pk])

    @property
    def place(self) -> Tenant:
        """The directory it sends in: a multitenant app's mailbox may live in another than its home."""
        return self.mailbox.tenant if self.mailbox else self.tenant
