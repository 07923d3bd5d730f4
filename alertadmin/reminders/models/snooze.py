"""A user's decision about a credential that expires: acknowledged, snoozed or ignored. Each is limited in time and in
the audit trail."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from alertadmin.registry.models import Credential


class SnoozeKind(models.TextChoices):
    ACKNOWLEDGED = "acknowledged", _("Acknowledged")
    """No further reminders, and no escalation, until it ends or the last week begins."""
    SNOOZED = "snoozed", _("Snoozed")
    """No reminders until it ends."""
    IGNORED = "ignored", _("Ignored")
    """No reminders until it ends, with a recorded reason such as "the customer handles this"."""


class Snooze(models.Model):
    """Void when the credential's expiry changes. Never deleted: withdrawing it sets `withdrawn_at`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    credential = models.ForeignKey(Credential, models.CASCADE, related_name="snoozes")
    expires_at = models.DateTimeField()
    """The credential's expiry at that time."""
    kind = models.CharField(_("action"), max_length=12, choices=SnoozeKind)
    until = models.DateTimeField(_("until"))
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    by_name = models.CharField(max_length=254)
    """Kept when the user is deleted."""
    created_at = models.DateTimeField(_("created"))
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, blank=True)

    class Meta:
        db_table = "reminders_hold"  # older than the model's name
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["credential", "until"], name="hold_by_credential")]
        verbose_name = _("snooze")
        verbose_name_plural = _("snoozes")

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.by_name}"
