"""A tenant: one Entra directory, and the contacts who are notified before its credentials expire."""

from __future__ import annotations

import uuid
import zoneinfo
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from alertadmin.accounts import languages
from alertadmin.accounts.email_address import CanonicalAddressField, EmailAddressField, UniqueAddress
from alertadmin.accounts.time_zones import TimeZoneField, zone_or_utc
from alertadmin.audit.tenant_scope import tenant_scoped
from alertadmin.registry import guid, input_validation
from alertadmin.registry.clouds import cloud_choices, cloud_of
from mailer.clouds import Cloud

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager

    from alertadmin.registry.models.app_registration import AppRegistration


@tenant_scoped("pk")
class Tenant(models.Model):
    """One Entra directory of a customer or company."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(
        _("name"),
        max_length=input_validation.LONGEST_NAME,
        help_text=_("What your colleagues call this customer or company."),
    )
    directory_id = guid.GuidField(
        _("directory (tenant) ID"),
        unique=True,
        error_messages={"unique": _("A tenant with this directory ID is already registered.")},
    )
    domain = models.CharField(_("primary domain"), max_length=253, blank=True)
    cloud = models.CharField(_("cloud"), max_length=40, default="global", choices=cloud_choices)
    time_zone = TimeZoneField(_("time zone"))
    language = models.CharField(
        _("language"),
        max_length=8,
        blank=True,
        choices=languages.of_a_tenant,
        help_text=_("Language of its reminders."),
    )
    notes = models.TextField(_("notes"), blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    if TYPE_CHECKING:
        contacts: RelatedManager[Contact]
        apps: RelatedManager[AppRegistration]

    class Meta:
        ordering = ["name", "id"]
        indexes = [
            models.Index(fields=["name", "id"], name="tenant_by_name"),
            models.Index(fields=["domain", "id"], name="tenant_by_domain"),
        ]
        constraints = [guid.guid_constraint("directory_id", "tenant_directory_id_is_guid")]
        verbose_name = _("tenant")
        verbose_name_plural = _("tenants")

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("tenant", args=[self.pk])

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zone_or_utc(self.time_zone)

    @property
    def mail_language(self) -> str:
        return languages.supported_or_empty(self.language) or settings.LANGUAGE_CODE

    @property
    def mail_cloud(self) -> Cloud:
        """The cloud with its endpoints. Raises UnknownCloud if the operator's clouds file no longer has it."""
        return cloud_of(self.cloud)


class Contact(models.Model):
    """An address that is notified before a credential of the tenant expires."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="contacts")
    email = EmailAddressField(_("e-mail address"))
    email_canonical = CanonicalAddressField(of="email")

    class Meta:
        ordering = ["email"]
        constraints = [UniqueAddress(fields=["email_canonical", "tenant"], name="contact_address_once_per_tenant")]

    def __str__(self) -> str:
        return self.email
