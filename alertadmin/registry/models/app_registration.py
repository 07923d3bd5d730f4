"""An app registration: what Entra calls an application, with its client id."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from alertadmin.audit.tenant_scope import tenant_scoped
from alertadmin.registry import guid, input_validation
from alertadmin.registry.models.tenant import Tenant
from alertadmin.registry.permissions import Permission
from alertadmin.stored_values import TextListField

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager

    from alertadmin.registry.models.consent import Consent
    from alertadmin.registry.models.credential import Credential
    from alertadmin.registry.models.mailbox import Mailbox

NATIVE_CLIENT = "https://login.microsoftonline.com/common/oauth2/nativeclient"
"""The redirect URI that desktop software such as ALERT registers."""


class SignInAudience(models.TextChoices):
    """The values of Entra's signInAudience."""

    MY_ORG = "AzureADMyOrg", _("This directory only (single tenant)")
    MULTIPLE_ORGS = "AzureADMultipleOrgs", _("Any Entra directory (multitenant)")
    ALL = "AzureADandPersonalMicrosoftAccount", _("Any Entra directory and personal Microsoft accounts")
    PERSONAL = "PersonalMicrosoftAccount", _("Personal Microsoft accounts only")


def default_permissions() -> list[str]:
    return [Permission.MAIL_SEND.value]


@tenant_scoped("tenant")
class AppRegistration(models.Model):
    """An application registered in its home tenant. `permissions` are those that its mailboxes' transports need."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="apps", verbose_name=_("home tenant"))
    name = models.CharField(_("name"), max_length=input_validation.LONGEST_NAME)
    client_id = guid.GuidField(_("application (client) ID"))
    audience = models.CharField(
        _("supported account types"), max_length=40, choices=SignInAudience, default=SignInAudience.MY_ORG
    )
    redirect_uri = models.CharField(_("redirect URI"), max_length=255, default=NATIVE_CLIENT, blank=True)
    permissions = TextListField(_("required permissions"), default=default_permissions, blank=True)
    owner = models.CharField(
        _("owner"), max_length=200, blank=True, help_text=_("Who is responsible for it, such as a team or an address.")
    )
    notes = models.TextField(_("notes"), blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    if TYPE_CHECKING:
        credentials: RelatedManager[Credential]
        mailboxes: RelatedManager[Mailbox]
        consents: RelatedManager[Consent]

    class Meta:
        ordering = ["name", "id"]
        indexes = [
            models.Index(fields=["name", "client_id", "id"], name="app_by_name"),
            models.Index(fields=["client_id", "id"], name="app_by_client_id"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "client_id"],
                name="client_id_once_per_tenant",
                violation_error_message=_("This tenant already has an app registration with this client ID."),
            ),
            guid.guid_constraint("client_id", "app_client_id_is_guid"),
        ]
        verbose_name = _("app registration")
        verbose_name_plural = _("app registrations")

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("app", args=[self.pk])

    def clean(self) -> None:
        if hasattr(self, "tenant"):
            try:
                input_validation.check_client_id(self.client_id, self.tenant.directory_id)
            except ValidationError as error:
                raise ValidationError({"client_id": error}) from None

    @property
    def required_permissions(self) -> list[Permission]:
        return [Permission(value) for value in self.permissions if value in Permission.values]

    @property
    def current_credential(self) -> Credential | None:
        """The credential in use. One query, unless `credentials` were prefetched."""
        return next((credential for credential in self.credentials.all() if credential.state == "current"), None)
