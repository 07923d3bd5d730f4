"""A mailbox: an address that sends mail through an app registration, as a personal account that signed in to an app, or
with a login at an Exchange server on premises."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from alertadmin.accounts.email_address import CanonicalAddressField, EmailAddressField, UniqueAddress
from alertadmin.audit.tenant_scope import owner_only, tenant_scoped
from alertadmin.crypto.fields import EncryptedField
from alertadmin.registry import messages
from alertadmin.registry.clouds import password_destination, refresh_token_destination, server_choices
from alertadmin.registry.models.app_registration import AppRegistration
from alertadmin.registry.models.tenant import Tenant
from alertadmin.registry.permissions import PERMISSION_OF, Permission, TransportName
from alertadmin.stored_messages import render_stored
from alertadmin.stored_values import known


class LoginKind(models.TextChoices):
    """The authentication method at an Exchange server on premises."""

    NTLM = "ntlm", "NTLM"
    BASIC = "basic", "Basic"


def other_cloud(app: AppRegistration, tenant: Tenant) -> str:
    """The error (a coded text) if a tenant is in another cloud than the app's own; empty if the app can send there."""
    if app.tenant.cloud == tenant.cloud:
        return ""
    names = {"app": app.name, "tenant": tenant.name, "home": app.tenant.cloud, "place": tenant.cloud}
    return messages.OTHER_CLOUD % names


def of_the_installation() -> Q:
    """The condition for the installation's mailbox; see registry.installation_mailbox. It may match none."""
    if Mailbox.objects.filter(sends_reminders=True).exists() or Tenant.objects.order_by()[1:2].exists():
        return Q(sends_reminders=True)
    return Q(pk__in=Mailbox.objects.order_by("created_at", "pk").values_list("pk", flat=True)[:1])


def by_exchange_online_ews() -> Q:
    """The condition for mailboxes that still send by EWS of Exchange Online, which Microsoft shuts down."""
    return Q(transport=TransportName.EWS, server="")


@owner_only(of_the_installation)
@tenant_scoped("tenant")
class Mailbox(models.Model):
    """A sender address with its transport and its app or server. Constraints exclude other combinations."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(
        Tenant,
        models.CASCADE,
        related_name="mailboxes",
        verbose_name=_("tenant"),
        help_text=_("The directory of the mailbox; a multitenant app can send in directories other than its own."),
    )
    app = models.ForeignKey(
        AppRegistration,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="mailboxes",
        verbose_name=_("app registration"),
    )
    """None for a mailbox on premises."""
    address = EmailAddressField(_("address"))
    address_canonical = CanonicalAddressField(of="address")
    transport = models.CharField(_("sends by"), max_length=8, choices=TransportName, default=TransportName.GRAPH)
    server = models.CharField(_("Exchange server on premises"), max_length=40, blank=True, choices=server_choices)
    """Its slug in the operator's clouds file; empty for Exchange Online."""
    username = models.CharField(_("user name"), max_length=200, blank=True)
    login_kind = models.CharField(_("login by"), max_length=8, choices=LoginKind, default=LoginKind.NTLM)
    password = EncryptedField(_("password"), destination=password_destination)
    is_personal = models.BooleanField(_("personal Microsoft account"), default=False, editable=False)
    """Outlook.com, Hotmail, Live: the app sends for a user who signed in; it has no access of its own."""
    refresh_token = EncryptedField(_("sign-in"), destination=refresh_token_destination)
    """Of a personal account that signed in. Each use replaces it; see `registry.personal.refresh_tokens`."""
    signed_in_at = models.DateTimeField(_("signed in"), null=True, blank=True, editable=False)
    sign_in_ends_at = models.DateTimeField(_("sign-in expires"), null=True, blank=True, editable=False)
    """90 days after its last use, or when Microsoft refused it."""
    sends_reminders = models.BooleanField(_("sends the reminders"), default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["address", "id"]
        indexes = [models.Index(fields=["address", "id"], name="mailbox_by_address")]
        constraints = [
            UniqueAddress(
                fields=["address_canonical", "app"],
                name="mailbox_address_once_per_app",
                violation_error_message=_("This address is already registered with this app."),
            ),
            UniqueAddress(
                fields=["address_canonical", "server"],
                name="mailbox_address_once_per_server",
                condition=Q(app=None),
                violation_error_message=_("This address is already registered with this server."),
            ),
            models.CheckConstraint(
                condition=(Q(app__isnull=False, server="") | (Q(app=None, transport="ews") & ~Q(server=""))),
                name="mailbox_by_app_or_by_server",
                violation_error_message=_(
                    "A mailbox sends through an app registration, or through an Exchange server on premises by EWS."
                ),
            ),
            models.CheckConstraint(
                condition=Q(is_personal=False) | Q(app__isnull=False, transport__in=["graph", "smtp"]),
                name="personal_by_graph_or_smtp",
                violation_error_message=_("A personal account sends through an app, by Microsoft Graph or by SMTP."),
            ),
            models.CheckConstraint(
                condition=Q(is_personal=True) | Q(refresh_token=None, signed_in_at=None, sign_in_ends_at=None),
                name="only_personal_accounts_sign_in",
            ),
            models.UniqueConstraint(
                fields=["sends_reminders"],
                condition=Q(sends_reminders=True),
                name="one_mailbox_sends_reminders",
                violation_error_message=_("Another mailbox already sends the reminders."),
            ),
        ]
        verbose_name = _("mailbox")
        verbose_name_plural = _("mailboxes")

    def __str__(self) -> str:
        return self.address

    def get_absolute_url(self) -> str:
        return reverse("mailbox", args=[self.pk])

    def clean(self) -> None:
        if self.app is not None and hasattr(self, "tenant") and (pairing := other_cloud(self.app, self.tenant)):
            raise ValidationError(render_stored(pairing), code="other_cloud")

    @property
    def permission(self) -> Permission | None:
        """The permission that its app needs; None for a transport that this version does not know. Not meaningful on
        premises."""
        transport = known(TransportName, self.transport)
        return PERMISSION_OF[transport] if transport else None

    @property
    def is_on_premises(self) -> bool:
        return bool(self.server)

    def is_signed_in(self, now: datetime) -> bool:
        """Whether a personal account has a refresh token that has not expired."""
        return self.refresh_token is not None and self.sign_in_ends_at is not None and self.sign_in_ends_at > now

    @property
    def through(self) -> str:
        """The app's name, or the server's label."""
        return self.app.name if self.app else str(self.get_server_display())
