"""Reminders that were due, the deliveries that contain them (reminder lines), and scans."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from alertadmin.outbox.models import Delivery
from alertadmin.registry.models import AppRegistration, ConsentChange, Credential, Mailbox, Tenant
from alertadmin.stored_values import TextListField


class Scan(models.Model):
    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True, db_index=True)
    """Null: it failed or is running. Only finished scans count."""
    reminders = models.PositiveIntegerField(default=0)
    deliveries = models.PositiveIntegerField(default=0)
    left_out = TextListField(default=list, blank=True)
    """Rows that should have been reminded of and could not be written, as `registry.credential:ID`."""
    copy_of = models.DateTimeField(null=True, blank=True)
    """Start of the last scan in the database backup, if this scan noticed that one had been restored."""

    class Meta:
        ordering = ["-started_at"]
        verbose_name = _("scan")
        verbose_name_plural = _("scans")

    def __str__(self) -> str:
        return self.started_at.isoformat()


class ReminderKind(models.TextChoices):
    """The reasons for a reminder."""

    CREDENTIAL = "credential", _("an expiring secret or certificate")
    EWS = "ews", _("a mailbox that still sends by EWS")
    CONSENT = "consent", _("a consent that was withdrawn")
    SIGN_IN = "sign_in", _("an expiring sign-in of a personal account")


class Reminder(models.Model):
    """One for each object, expiry and threshold: the constraints guarantee that none is sent twice."""

    kind = models.CharField(max_length=10, choices=ReminderKind, default=ReminderKind.CREDENTIAL)
    credential = models.ForeignKey(Credential, models.CASCADE, null=True, related_name="reminders")
    mailbox = models.ForeignKey(Mailbox, models.CASCADE, null=True, related_name="reminders")
    consent_change = models.ForeignKey(ConsentChange, models.CASCADE, null=True, related_name="reminders")
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="reminders")
    app = models.ForeignKey(AppRegistration, models.CASCADE, null=True, related_name="reminders")
    """The object's app; repeated here so that the recipients are found the same way for every kind."""
    expires_at = models.DateTimeField()
    """The expiry at that time: a renewed credential gets new reminders. For a consent, when its loss was noticed."""
    threshold = models.SmallIntegerField()
    """Days before the expiry; 0 on the day, then -7, -14, … for each week after it."""
    is_escalated = models.BooleanField(default=False)
    """The escalation level is notified too."""
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
        verbose_name = _("reminder line")
        verbose_name_plural = _("reminder lines")

    def __str__(self) -> str:
        return f"{self.reminder_id} -> {self.delivery_id}"
