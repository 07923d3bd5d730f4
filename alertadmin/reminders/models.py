"""What was owed (a reminder), who is told of it by which delivery (a notice), and when we last looked (a scan)."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from alertadmin.outbox.models import Delivery
from alertadmin.registry.models import Credential


class Scan(models.Model):
    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True, db_index=True)
    """Null: it failed, or still runs. Only a finished scan counts as one."""
    reminders = models.PositiveIntegerField(default=0)
    deliveries = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-started_at"]
        verbose_name = _("scan")
        verbose_name_plural = _("scans")

    def __str__(self) -> str:
        return self.started_at.isoformat()


class Reminder(models.Model):
    """Owed once for each credential, end and threshold: the constraint is the promise "never twice"."""

    credential = models.ForeignKey(Credential, models.CASCADE, related_name="reminders")
    expires_at = models.DateTimeField()
    """The end as it was: a renewed credential is owed its reminders anew."""
    threshold = models.SmallIntegerField()
    """Days before the end; 0 on the day, then -7, -14, … for each week after it."""
    scan = models.ForeignKey(Scan, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["expires_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["credential", "expires_at", "threshold"], name="reminder_owed_once")
        ]
        verbose_name = _("reminder")
        verbose_name_plural = _("reminders")

    def __str__(self) -> str:
        return f"{self.credential_id} at {self.threshold} days"


class Notice(models.Model):
    """One line of a reminder mail."""

    reminder = models.ForeignKey(Reminder, models.CASCADE, related_name="notices")
    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="notices")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["reminder", "delivery"], name="notice_once")]
        verbose_name = _("notice")
        verbose_name_plural = _("notices")

    def __str__(self) -> str:
        return f"{self.reminder_id} -> {self.delivery_id}"
