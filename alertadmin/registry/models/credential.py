"""A credential of an app registration: a client secret or a certificate. It expires, and Entra sends no warning."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Self

from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from alertadmin.audit.tenant_scope import tenant_scoped
from alertadmin.crypto.fields import EncryptedField
from alertadmin.crypto.keyring import Unreadable
from alertadmin.registry import guid
from alertadmin.registry.clouds import credential_destination
from alertadmin.registry.models.app_registration import AppRegistration


class CredentialKind(models.TextChoices):
    SECRET = "secret", _("Client secret")
    CERTIFICATE = "certificate", _("Certificate")


class CredentialState(models.TextChoices):
    """What alertadmin does with a credential. Entra itself knows no such order: an app has any number of them.

        first of an app ──> CURRENT ──another is promoted──> RETIRED
                               ^
        import, replace ──> NEXT ──another is staged──> OTHER <── added to be monitored only
                               └──── promoted (verified) ────┘ (to CURRENT)

    At most one is CURRENT and one NEXT; all but RETIRED are monitored. Every arrow is recorded in the audit trail.
    """

    CURRENT = "current", _("In use")
    NEXT = "next", _("Waiting to replace the one in use")
    OTHER = "other", _("Monitored only")
    RETIRED = "retired", _("Superseded")


class CredentialQuerySet(models.QuerySet["Credential"]):
    def watched(self) -> Self:
        """Credentials whose expiry is notified: all but the retired ones."""
        return self.filter(state__in=[CredentialState.CURRENT, CredentialState.NEXT, CredentialState.OTHER])

    def usable(self) -> Self:
        """Credentials that tokens are requested with: the one in use and the waiting one."""
        return self.filter(state__in=[CredentialState.CURRENT, CredentialState.NEXT])


@tenant_scoped("app__tenant")
class Credential(models.Model):
    """A secret or certificate with its expiry date. `value` may be missing: then only its expiry is watched."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    app = models.ForeignKey(AppRegistration, models.CASCADE, related_name="credentials")
    kind = models.CharField(_("kind"), max_length=12, choices=CredentialKind, default=CredentialKind.SECRET)
    description = models.CharField(_("description"), max_length=200, blank=True)
    key_id = guid.GuidField(_("secret ID"), blank=True, default="")
    hint = models.CharField(_("hint"), max_length=3, blank=True, editable=False)
    """The first three characters, as Microsoft Graph shows them: enough to recognise the secret, useless to send with.
    """
    value = EncryptedField(_("secret value"), destination=credential_destination)
    """The secret's value, or the certificate's private key as PEM."""
    certificate = models.TextField(_("public certificate (PEM)"), blank=True)
    starts_at = models.DateTimeField(_("start date"), null=True, blank=True)
    expires_at = models.DateTimeField(_("expiry date"))
    end_moves = models.PositiveIntegerField(default=0, editable=False)
    """How often its expiry date changed: the SEQUENCE of its calendar entry (RFC 5545)."""
    end_moved_at = models.DateTimeField(null=True, blank=True, editable=False)
    state = models.CharField(_("status"), max_length=8, choices=CredentialState, default=CredentialState.CURRENT)
    proven_at = models.DateTimeField(_("last token"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = CredentialQuerySet.as_manager()

    class Meta:
        ordering = ["expires_at", "id"]
        indexes = [
            models.Index(fields=["state", "expires_at", "id"], name="credential_by_state_end"),
            models.Index(fields=["expires_at", "id"], name="credential_by_end"),
            models.Index(fields=["description", "id"], name="credential_by_description"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(starts_at=None) | Q(starts_at__lt=F("expires_at")),
                name="credential_starts_before_end",
                violation_error_message=_("The expiry date must be later than the start date."),
            ),
            models.UniqueConstraint(
                fields=["app"],
                condition=Q(state="current"),
                name="one_current_credential",
                violation_error_message=_("This app already has a secret in use: replace that one."),
            ),
            models.UniqueConstraint(
                fields=["app"],
                condition=Q(state="next"),
                name="one_next_credential",
                violation_error_message=_("Another secret of this app is already waiting."),
            ),
            models.UniqueConstraint(
                fields=["app", "key_id"],
                condition=~Q(key_id=""),
                name="one_credential_per_key_id",
                violation_error_message=_("This app already has a secret with this ID."),
            ),
            # A credential in an unknown state would get no reminders.
            models.CheckConstraint(condition=Q(state__in=CredentialState.values), name="credential_state_is_known"),
            guid.guid_constraint("key_id", "credential_key_id_is_guid", optional=True),
        ]
        verbose_name = _("credential")
        verbose_name_plural = _("credentials")

    def __str__(self) -> str:
        return self.description or self.get_kind_display()

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        if not self._state.adding and (update_fields is None or "expires_at" in (update_fields := {*update_fields})):
            stored = Credential.objects.filter(pk=self.pk).values_list("expires_at", flat=True).first()
            if stored not in (None, self.expires_at):
                moved = self.count_move(timezone.now())
                update_fields = update_fields and {*update_fields, *moved}
        super().save(*args, update_fields=update_fields, **kwargs)

    def get_absolute_url(self) -> str:
        return reverse("credential", args=[self.pk])

    def has_started(self, now: datetime) -> bool:
        """Whether Entra accepts it already, by its start date."""
        return self.starts_at is None or self.starts_at <= now

    def count_move(self, now: datetime) -> tuple[str, ...]:
        """Count a change of the expiry date. Returns the fields to store with it; `save` calls this by itself."""
        self.end_moves += 1
        self.end_moved_at = now
        return "end_moves", "end_moved_at"

    def store(self, value: str) -> None:
        """Encrypt a new value and set its hint."""
        self.value = value
        self.hint = value[:3] if self.kind == CredentialKind.SECRET else ""

    def holds(self, value: str) -> bool:
        """Whether this is the stored value. False if the stored value cannot be decrypted."""
        try:
            return self.value is not None and self.value.decrypt() == value
        except Unreadable:
            return False

    def is_expired(self, now: datetime) -> bool:
        return self.expires_at <= now

    def days_left(self, now: datetime) -> int:
        """Whole days, rounded down: 0 on the last day, negative once expired."""
        return (self.expires_at - now) // timedelta(days=1)
