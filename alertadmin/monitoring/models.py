"""Heartbeats, the result of the last ping, and the mails about alertadmin itself."""

from __future__ import annotations

from datetime import datetime

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from alertadmin.outbox.models import Delivery
from alertadmin.stored_values import ObjectListField, TextListField
from mailer.coded_text import english


class Heartbeat(models.Model):
    """When a process that sends was last alive, and the problems that it found (health_report)."""

    class Source(models.TextChoices):
        WORKER = "worker", _("Worker")
        """Any worker of this installation, every 15 seconds."""
        COMMAND = "command", _("send_reminders")
        """Each complete run."""

    source = models.CharField(primary_key=True, max_length=8, choices=Source)
    at = models.DateTimeField()
    checked_at = models.DateTimeField(null=True, blank=True)
    """When `problems` was found; before or after `at`, since a check may take longer than the interval."""
    problems = ObjectListField(keys={"part": str, "code": str}, default=list, blank=True)
    """`health_checks.Problem`, each as an object: codes and ids, no names or addresses."""

    class Meta:
        verbose_name = _("heartbeat")
        verbose_name_plural = _("heartbeats")

    def __str__(self) -> str:
        return f"{self.source}: {self.at:%Y-%m-%d %H:%M:%S}"

    @classmethod
    def beat(cls, source: str, now: datetime) -> None:
        cls.objects.update_or_create(source=source, defaults={"at": now})

    @classmethod
    def times(cls) -> dict[str, datetime]:
        return dict(cls.objects.values_list("source", "at"))


class Ping(models.Model):
    """A single row with key 1."""

    tried_at = models.DateTimeField(_("tried"))
    answered_at = models.DateTimeField(_("answered"), null=True, blank=True)
    """When a ping last succeeded."""
    trouble = models.TextField(blank=True)
    """Why the ping at `tried_at` failed, as a coded text."""

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="one_ping")]
        verbose_name = _("ping")
        verbose_name_plural = _("pings")

    def __str__(self) -> str:
        return english(self.trouble) or "answered"


LAST_DAY = 28
"""Of the shortest month."""


class Monthly(models.Model):
    """When the monthly mail is sent, and its recipients. A single row with key 1; without it, the defaults apply."""

    is_on = models.BooleanField(_("send it"), default=True)
    day = models.PositiveSmallIntegerField(
        _("day of the month"), default=1, validators=[MinValueValidator(1), MaxValueValidator(LAST_DAY)]
    )
    emails = TextListField(_("to"), default=list, blank=True)
    """E-mail addresses in lower case; empty: the installation's addresses, else its administrators."""

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="one_monthly_mail")]
        verbose_name = _("monthly mail")
        verbose_name_plural = _("monthly mails")

    def __str__(self) -> str:
        return f"on day {self.day}" if self.is_on else "off"

    @property
    def day_of_month(self) -> int:
        """From 1 to 28, also where another number is stored."""
        return min(max(self.day, 1), LAST_DAY)

    @classmethod
    def now(cls) -> Monthly:
        return cls.objects.first() or cls(pk=1)


class SystemMailKind(models.TextChoices):
    MONTHLY = "monthly", _("Monthly mail")
    """`about`: a month, such as 2026-12."""
    UNREACHABLE = "unreachable", _("A recipient cannot be reached")
    """`about`: an e-mail address."""
    PUT_BACK = "put_back", _("The database was restored from a backup")
    """`about`: the start time of the scan that noticed it."""
    ROUTE = "route", _("Sending settings of this installation were changed")
    """`about`: the number of the audit entry."""


class SystemMail(models.Model):
    """One matter about alertadmin itself for one recipient, sent once; a mail may contain several."""

    kind = models.CharField(max_length=12, choices=SystemMailKind)
    about = models.CharField(max_length=254)
    recipient = models.CharField(max_length=254)
    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="letters")

    class Meta:
        db_table = "watching_letter"  # older than the model's name
        constraints = [models.UniqueConstraint(fields=["kind", "about", "recipient"], name="letter_once")]
        verbose_name = _("system mail")
        verbose_name_plural = _("system mails")

    def __str__(self) -> str:
        return f"{self.kind}: {self.about}"
