"""Reminder policies: of the installation, overridden for a tenant or an app registration."""

from __future__ import annotations

import uuid
from datetime import time

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from alertadmin.registry.models import AppRegistration, Tenant
from alertadmin.reminders.rules import delivery_window, schedule


class DigestChoice(models.TextChoices):
    EACH = delivery_window.Digest.EACH.value, _("as soon as a reminder is due")
    DAILY = delivery_window.Digest.DAILY.value, _("once a day")
    WEEKLY = delivery_window.Digest.WEEKLY.value, _("once a week")


def validate_plan(text: str) -> None:
    try:
        read = schedule.ReminderSchedule.of(text)
    except ValueError:
        raise ValidationError(_("Write a schedule like this: 90,60,30,14,7,3,1,0/7/14.")) from None
    schedule.read_thresholds(",".join(map(str, read.thresholds)))
    if not 1 <= read.repeat <= 365:
        raise ValidationError(_("After expiry, reminders are sent every 1 to 365 days."))


def validate_working_days(text: str) -> None:
    if not text or set(text) - set("1234567") or len(set(text)) != len(text):
        raise ValidationError(_("Choose at least one day on which mail can be sent."))


class Policy(models.Model):
    """With neither tenant nor app: the installation's policy. Blank values are inherited, finally from the default."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.OneToOneField(Tenant, models.CASCADE, null=True, blank=True, related_name="policy")
    app = models.OneToOneField(AppRegistration, models.CASCADE, null=True, blank=True, related_name="policy")

    plan = models.CharField(_("schedule"), max_length=120, blank=True, validators=[validate_plan])
    """As written by `schedule.ReminderSchedule`, so that the database can compare it. Blank: inherited."""

    has_timing = models.BooleanField(_("custom times"), default=False)
    """Whether the following five fields apply; they are inherited together."""
    quiet_from = models.TimeField(_("quiet from"), null=True, blank=True)
    quiet_until = models.TimeField(_("quiet until"), null=True, blank=True)
    working_days = models.CharField(
        _("days on which mail can be sent"), max_length=7, default="1234567", validators=[validate_working_days]
    )
    """ISO weekdays, Monday is 1."""
    digest = models.CharField(_("mails"), max_length=6, choices=DigestChoice, default=DigestChoice.EACH)
    digest_at = models.TimeField(_("at"), default=time(8, 0))

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(tenant=None) | Q(app=None), name="policy_of_one_thing"),
            models.UniqueConstraint(
                models.Value(1), condition=Q(tenant=None, app=None), name="one_policy_of_the_installation"
            ),
            models.CheckConstraint(
                condition=Q(quiet_from=None, quiet_until=None) | Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="quiet_hours_have_two_ends",
                violation_error_message=_("Enter both a start and an end of the quiet hours, or neither."),
            ),
        ]
        verbose_name = _("reminder policy")
        verbose_name_plural = _("reminder policies")

    def __str__(self) -> str:
        return str(self.app or self.tenant or _("This installation"))
