"""A mailbox: an address that sends, through one app registration and one transport."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from alertadmin.registry.models.app_registration import AppRegistration
from alertadmin.registry.models.tenant import Tenant
from alertadmin.registry.permissions import PERMISSION_OF, Permission, Transport


class Mailbox(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(
        Tenant,
        models.CASCADE,
        related_name="mailboxes",
        help_text=_("The directory the mailbox lives in; a multitenant app may send in others than its own."),
    )
    app = models.ForeignKey(
        AppRegistration, models.CASCADE, related_name="mailboxes", verbose_name=_("app registration")
    )
    address = models.EmailField(_("address"))
    transport = models.CharField(_("sends by"), max_length=8, choices=Transport, default=Transport.GRAPH)
    sends_reminders = models.BooleanField(_("sends the reminders"), default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["address", "id"]
        indexes = [models.Index(fields=["address", "id"], name="mailbox_by_address")]
        constraints = [
            models.UniqueConstraint(
                Lower("address"),
                "app",
                name="mailbox_once_per_app",
                violation_error_message=_("This address is registered with this app already."),
            ),
            models.UniqueConstraint(
                fields=["sends_reminders"], condition=Q(sends_reminders=True), name="one_mailbox_sends_reminders"
            ),
        ]
        verbose_name = _("mailbox")
        verbose_name_plural = _("mailboxes")

    def __str__(self) -> str:
        return self.address

    def get_absolute_url(self) -> str:
        return reverse("mailbox", args=[self.pk])

    @property
    def permission(self) -> Permission:
        return PERMISSION_OF[Transport(self.transport)]
