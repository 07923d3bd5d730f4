"""Who is told beside a tenant's contacts: the owners of an app, the next in line."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from alertadmin.accounts.email_address import CanonicalAddressField, EmailAddressField, UniqueAddress
from alertadmin.outbox.models import Level
from alertadmin.registry.models import AppRegistration, Tenant


class Recipient(models.Model):
    """Of an app registration (its owner), of a tenant, or of the installation (with neither).

    The installation's first line is told of tenants that have nobody of their own, and of everything in its last week.
    Without any, its administrators are.
    """

    tenant = models.ForeignKey(Tenant, models.CASCADE, null=True, blank=True, related_name="recipients")
    app = models.ForeignKey(AppRegistration, models.CASCADE, null=True, blank=True, related_name="recipients")
    line = models.PositiveSmallIntegerField(_("told"), choices=Level, default=Level.FIRST)
    email = EmailAddressField(_("e-mail address"))
    email_canonical = CanonicalAddressField(of="email")

    class Meta:
        ordering = ["line", "email", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(tenant=None) | Q(app=None), name="recipient_of_one_thing"),
            UniqueAddress(
                fields=["email_canonical", "tenant"],
                condition=Q(tenant__isnull=False),
                name="recipient_address_once_per_tenant",
            ),
            UniqueAddress(
                fields=["email_canonical", "app"], condition=Q(app__isnull=False), name="recipient_address_once_per_app"
            ),
            UniqueAddress(
                fields=["email_canonical"],
                condition=Q(tenant=None, app=None),
                name="recipient_address_once_in_the_installation",
            ),
        ]
        verbose_name = _("recipient")
        verbose_name_plural = _("recipients")

    def __str__(self) -> str:
        return self.email
