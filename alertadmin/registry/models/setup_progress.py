"""An unfinished registration of the setup wizard, so that a user can continue it later."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from alertadmin.audit.tenant_scope import tenant_scoped
from alertadmin.registry import input_validation
from alertadmin.registry.models.app_registration import NATIVE_CLIENT, AppRegistration, SignInAudience
from alertadmin.registry.models.mailbox import Mailbox
from alertadmin.registry.models.tenant import Tenant


@tenant_scoped("tenant")
class SetupProgress(models.Model):
    """References the rows that its steps created, and stores values that have no row yet. Never contains a secret."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="guides")
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+")
    app = models.ForeignKey(AppRegistration, models.SET_NULL, null=True, related_name="guides")
    mailbox = models.ForeignKey(Mailbox, models.SET_NULL, null=True, related_name="+")
    name = models.CharField(_("name"), max_length=input_validation.LONGEST_NAME, default="ALERT mail")
    """Of the application, like the next two fields; used until the client id is known."""
    audience = models.CharField(
        _("supported account types"), max_length=40, choices=SignInAudience, default=SignInAudience.MY_ORG
    )
    redirect_uri = models.CharField(_("redirect URI"), max_length=255, default=NATIVE_CLIENT, blank=True)
    is_scoped = models.BooleanField(default=False)
    """Permissions are granted in Exchange for this mailbox only (RBAC for Applications), and none in Entra."""
    keeps_drafts = models.BooleanField(default=False)
    """Grant Mail.ReadWrite beside Mail.Send."""
    begun_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "registry_guide"  # older than the model's name
        ordering = ["-begun_at", "id"]
        verbose_name = _("unfinished registration")
        verbose_name_plural = _("unfinished registrations")

    def __str__(self) -> str:
        return f"{self.tenant.name} / {self.app.name if self.app else self.name}"

    def get_absolute_url(self) -> str:
        """The URL of the step to continue with."""
        return reverse("guide-on", args=[self.pk])

    @property
    def mailbox_tenant(self) -> Tenant:
        """The tenant of the mailbox; for a multitenant app it may differ from the app's home tenant."""
        return self.mailbox.tenant if self.mailbox else self.tenant
