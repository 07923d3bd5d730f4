"""Calendar entries sent by mail, and calendar feeds to which users subscribe."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from alertadmin.accounts.email_address import EmailAddressField
from alertadmin.outbox.models import Delivery
from alertadmin.registry import input_validation
from alertadmin.registry.models import AppRegistration, Tenant
from alertadmin.reminders.models.reminder import ReminderKind

FETCHED_COARSELY = timedelta(hours=1)
"""How often a fetch is recorded: calendar programs fetch every few minutes."""


class CalendarEntry(models.Model):
    """One expiry in the calendar attached to one delivery. Counts only if that delivery was sent.

    It remains when the credential is deleted, since the entry is still in the recipient's calendar.
    """

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="calendar_entries")
    recipient = EmailAddressField()
    """Canonical form."""
    kind = models.CharField(max_length=10, choices=ReminderKind)
    thing = models.UUIDField()
    """Id of the credential or mailbox; the event's UID."""
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+")
    app = models.ForeignKey(AppRegistration, models.SET_NULL, null=True, related_name="+")
    app_name = models.CharField(max_length=input_validation.LONGEST_NAME, blank=True)
    what = models.CharField(max_length=254, blank=True)
    """The secret's description or the mailbox's address at that time."""
    ends_at = models.DateTimeField()
    sequence = models.PositiveIntegerField()
    corrected_by = models.ForeignKey(Delivery, models.CASCADE, null=True, related_name="corrections")
    """The delivery that withdraws or moves the entry: only one, whether or not that delivery is sent."""

    class Meta:
        constraints = [models.UniqueConstraint(fields=["delivery", "thing"], name="calendar_entry_once")]
        indexes = [
            models.Index(fields=["thing", "recipient"], name="calendar_entry_open", condition=Q(corrected_by=None))
        ]
        verbose_name = _("calendar entry")
        verbose_name_plural = _("calendar entries")

    def __str__(self) -> str:
        return f"{self.thing} -> {self.recipient}"


class CalendarFeedQuerySet(models.QuerySet["CalendarFeed"]):
    def by_token(self, token: str) -> CalendarFeed | None:
        """The feed of a valid address: not revoked, of an active user. One query for any token."""
        found = self.filter(digest=_digest(token), revoked_at=None, owner__is_active=True)
        return found.select_related("owner", "tenant").first()


class CalendarFeed(models.Model):
    """An address for calendar programs, which cannot sign in: a request with it may read the feed. Only its digest is
    stored."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="calendar_feeds")
    tenant = models.ForeignKey(
        Tenant, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("tenant")
    )
    """None: everything that its owner may see, now and later."""
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("created"))
    renewed_at = models.DateTimeField(null=True, blank=True)
    """When it got its present address, if that is not the first."""
    fetched_at = models.DateTimeField(_("last fetched"), null=True, blank=True)
    """Accurate to an hour."""
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    objects = CalendarFeedQuerySet.as_manager()

    class Meta:
        ordering = ["created_at", "id"]
        verbose_name = _("calendar")
        verbose_name_plural = _("calendars")

    def __str__(self) -> str:
        return self.tenant.name if self.tenant else str(_("All tenants"))

    def get_absolute_url(self) -> str:
        return reverse("calendar", args=[self.pk])

    def give_token(self, now: datetime) -> str:
        """Set and return a new token of 256 bits; the previous one becomes invalid. The caller saves the row."""
        token = secrets.token_urlsafe(32)
        if self.digest:
            self.renewed_at = now
        self.digest, self.fetched_at = _digest(token), None
        return token

    def record_fetch(self, now: datetime) -> None:
        if self.fetched_at is None or not timedelta() <= now - self.fetched_at < FETCHED_COARSELY:
            CalendarFeed.objects.filter(pk=self.pk).update(fetched_at=now)


def _digest(token: str) -> str:
    """A token is as long and random as a key, so an unsalted fast hash, which can be looked up, is sufficient."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
