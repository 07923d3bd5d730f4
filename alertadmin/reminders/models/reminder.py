"""What was owed (a reminder), who is told of it by which delivery (a notice), and when we last looked (a scan)."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from alertadmin.outbox.models import Delivery
from alertadmin.registry.models import AppRegistration, ConsentChange, Credential, Mailbox, Tenant


class Scan(models.Model):
    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True, db_index=True)
    """Null: it failed, or still runs. Only a finished scan counts as one."""
    reminders = models.PositiveIntegerField(default=0)
    deliveries = models.PositiveIntegerField(default=0)
    copy_of = models.DateTimeField(null=True, blank=True)
    """It noticed that the database had been put back from a copy; this is when the last scan in it had been."""

    class Meta:
        ordering = ["-started_at"]
        verbose_name = _("scan")
        verbose_name_plural = _("scans")

    def __str__(self) -> str:
        return self.started_at.isoformat()


class ReminderKind(models.TextChoices):
    """What people are reminded of."""

    CREDENTIAL = "credential", _("a secret or certificate that ends")
    EWS = "ews", _("a mailbox that still sends by EWS")
    CONSENT = "consent", _("a consent that was withdrawn")
    SIGN_IN = "sign_in", _("a sign-in of a personal account that lapses")


class Reminder(models.Model):
    """Owed once for each thing, end and threshold: the constraints are the promise "never twice"."""

    kind = models.CharField(max_length=10, choices=ReminderKind, default=ReminderKind.CREDENTIAL)
    credential = models.ForeignKey(Credential, models.CASCADE, null=True, related_name="reminders")
    mailbox = models.ForeignKey(Mailbox, models.CASCADE, null=True, related_name="reminders")
    consent_change = models.ForeignKey(ConsentChange, models.CASCADE, null=True, related_name="reminders")
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="reminders")
    app = models.ForeignKey(AppRegistration, models.CASCADE, null=True, related_name="reminders")
    """Of the thing; repeated here so that who is told is found alike for every kind."""
    expires_at = models.DateTimeField()
    """The end as it was: a renewed credential is owed its reminders anew. Of a consent: when it was seen gone."""
    threshold = models.SmallIntegerField()
    """Days before the end; 0 on the day, then -7, -14, … for each week after it."""
    is_escalated = models.BooleanField(default=False)
    """The next in line is told too."""
    scan = models.ForeignKey(Scan, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["expires_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["credential", "expires_at", "threshold"], name="reminder_owed_once"),
            models.UniqueConstraint(fields=["mailbox", "expires_at", "threshold"], name="ews_reminder_owed_once"),
            models.UniqueConstraint(fields=["consent_change"], name="withdrawal_told_once"),
            models.CheckConstraint(
                condition=(
                    Q(kind="credential", credential__isnull=False, mailbox=None, consent_change=None)
                    | Q(kind__in=["ews", "sign_in"], credential=None, mailbox__isnull=False, consent_change=None)
                    | Q(kind="consent", credential=None, mailbox=None, consent_change__isnull=False)
                ),
                name="reminder_of_one_thing",
            ),
        ]
        verbose_name = _("reminder")
        verbose_name_plural = _("reminders")

    def __str__(self) -> str:
        return f"{self.kind} at {self.threshold} days"


class ReminderLine(models.Model):
    """One line of a reminder mail."""

    reminder = models.ForeignKey(Reminder, models.CASCADE, related_name="notices")
    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="notices")

    class Meta:
        db_table = "reminders_notice"  # older than the model's name
        constraints = [models.UniqueConstraint(fields=["reminder", "delivery"], name="notice_once")]
        verbose_name = _("notice")
        verbose_name_plural = _("notices")

    def __str__(self) -> str:
        return f"{self.reminder_id} -> {self.delivery_id}"
