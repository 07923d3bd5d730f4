"""A channel: a destination of notifications other than by mail. Its address contains tokens, and is encrypted."""

from __future__ import annotations

import secrets
import uuid
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from alertadmin.audit.tenant_scope import owner_only, tenant_scoped
from alertadmin.crypto.fields import Destination, EncryptedField
from alertadmin.registry.models import AppRegistration, Tenant

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager

    from alertadmin.outbox.models.delivery import Attempt, Delivery

WEBHOOK = "webhook"
"""The service that accepts signatures; the others are apprise's."""


class Level(models.IntegerChoices):
    """When a contact or a channel is notified of an expiry."""

    FIRST = 1, _("Always")
    NEXT = 2, _("Unless it is acknowledged, and always in the last week")


class ChannelQuerySet(models.QuerySet["Channel"]):
    def active(self) -> Self:
        """Channels that are not paused."""
        return self.filter(is_paused=False)

    def of_the_installation(self) -> Self:
        return self.filter(tenant=None, app=None)


def _of_tenants(tenants: models.QuerySet[Any]) -> Q:
    return Q(tenant__in=tenants) | Q(app__tenant__in=tenants)


def _key_destination(channel: Channel) -> Destination:
    """A signing key's destination is the webhook's address. Raises Unreadable if that cannot be decrypted."""
    return ("channel", channel.address.decrypt() if channel.address else "")


@owner_only(lambda: Q(tenant=None, app=None))
@tenant_scoped(_of_tenants)
class Channel(models.Model):
    """Belongs to an app registration, a tenant, or the installation (with neither). A channel of the installation is
    notified about the tenants that have no channel of their own."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(
        _("name"), max_length=100, help_text=_("The name that users know, for example “Operations, Teams”.")
    )
    address = EncryptedField(_("address"))
    service = models.CharField(max_length=40, editable=False)
    """The service of the address: "webhook", or apprise's name of it."""
    label = models.CharField(_("kind"), max_length=60, editable=False)
    """The service's name for users: "Slack"."""
    hint = models.CharField(_("destination"), max_length=253, editable=False)
    """Enough of the address to recognise it, too little to use it: the host, or only the scheme."""
    parts = models.JSONField(null=True, editable=False)
    """What of the address is used (`channels.address_parts`); null if it was stored by an earlier release."""
    signing_key = EncryptedField(_("signing key"), destination=_key_destination)
    """For a webhook; shown once."""
    tenant = models.ForeignKey(Tenant, models.CASCADE, null=True, blank=True, related_name="channels")
    app = models.ForeignKey(AppRegistration, models.CASCADE, null=True, blank=True, related_name="channels")
    line = models.PositiveSmallIntegerField(_("notified"), choices=Level, null=True, blank=True, default=Level.FIRST)
    """Null: only as a last resort."""
    is_last_resort = models.BooleanField(_("fallback"), default=False)
    """Receives reminders that no mailbox and no relay could send, with their recipients."""
    is_paused = models.BooleanField(_("paused"), default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ChannelQuerySet.as_manager()

    if TYPE_CHECKING:
        deliveries: RelatedManager[Delivery]
        attempts: RelatedManager[Attempt]

    class Meta:
        ordering = ["name", "id"]
        indexes = [models.Index(fields=["name", "id"], name="channel_by_name")]
        constraints = [
            models.CheckConstraint(condition=Q(tenant=None) | Q(app=None), name="channel_of_one_thing"),
            models.CheckConstraint(
                condition=Q(is_last_resort=False) | Q(tenant=None, app=None), name="last_resort_of_the_installation"
            ),
            models.CheckConstraint(
                condition=Q(line__isnull=False) | Q(is_last_resort=True), name="channel_is_told_of_something"
            ),
            models.CheckConstraint(condition=Q(line=None) | Q(line__in=Level.values), name="channel_line_is_known"),
        ]
        verbose_name = _("channel")
        verbose_name_plural = _("channels")

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("channel", args=[self.pk])

    @property
    def mail_language(self) -> str:
        """Language of its notifications: the tenant's, or the installation's."""
        tenant = self.app.tenant if self.app else self.tenant
        return tenant.mail_language if tenant else settings.LANGUAGE_CODE

    @property
    def can_be_signed(self) -> bool:
        return self.service == WEBHOOK

    def renew_signing_key(self) -> str:
        """Set a new key on the instance and return it, to be shown once."""
        key = secrets.token_urlsafe(32)
        self.signing_key = key
        return key
