"""Recipients in addition to a tenant's contacts: owners of an app, and the escalation level."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from alertadmin.accounts.email_address import CanonicalAddressField, EmailAddressField, UniqueAddress
from alertadmin.outbox.models import Level
from alertadmin.registry.models import AppRegistration, Tenant


class Recipient(models.Model):
    """Belongs to an app registration (its owner), to a tenant, or to the installation (with neither).

    The installation's first level is notified about tenants without recipients, and about everything in its last week.
    If it is empty, the administrators are notified.
    """

    tenant = models.ForeignKey(Tenant, models.CASCADE, null=True, blank=True, related_name="recipients")
    app = models.ForeignKey(AppRegistration, models.CASCADE, null=True, blank=True, related_name="recipients")
    line = models.PositiveSmallIntegerField(_("notified"), choices=Level, default=Level.FIRST)
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
