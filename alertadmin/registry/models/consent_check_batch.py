"""A check of all consents of an app, or of all apps, processed in slices (`registry.consent.check_batch`)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from alertadmin.registry.models.app_registration import AppRegistration
from alertadmin.registry.models.consent import Consent, ConsentStatus


@dataclass(frozen=True)
class Counts:
    """Numbers of consents (one is a permission of an app in a tenant)."""

    total: int
    done: int
    granted: int
    """Of `done`."""


class ConsentCheckBatchQuerySet(models.QuerySet["ConsentCheckBatch"]):
    def unfinished(self) -> Self:
        return self.filter(slot__isnull=False)


class ConsentCheckBatch(models.Model):
    """A consent is done when it was checked since the batch started."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    app = models.ForeignKey(AppRegistration, models.CASCADE, null=True, related_name="consent_runs")
    """None: all apps, as in the daily check."""
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True)
    lease_until = models.DateTimeField(null=True)
    """A process is working on the batch until then. The lease of a killed process expires."""
    slot = models.CharField(max_length=36, null=True, unique=True)
    """The app's id, or "all"; null once finished. Unique, so that there is one unfinished batch for each."""
    is_stopped = models.BooleanField(default=False)
    """A user stopped it before every consent was checked."""
    total = models.PositiveIntegerField(default=0)
    granted = models.PositiveIntegerField(default=0)
    """Both set when it finishes, for the consents checked until then; `counts` returns the current numbers."""

    objects = ConsentCheckBatchQuerySet.as_manager()

    class Meta:
        db_table = "registry_consentrun"  # older than the model's name
        ordering = ["-started_at", "-id"]
        verbose_name = _("consent check")
        verbose_name_plural = _("consent checks")

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M}"

    def consents(self) -> QuerySet[Consent]:
        found = Consent.objects.order_by()
        return found.filter(app=self.app_id) if self.app_id else found

    def counts(self) -> Counts:
        if self.finished_at:
            return Counts(self.total, self.total, self.granted)
        done = Q(checked_at__gte=self.started_at)
        found = self.consents().aggregate(
            total=Count("pk"),
            done=Count("pk", filter=done),
            granted=Count("pk", filter=done & Q(status=ConsentStatus.GRANTED)),
        )
        return Counts(**found)


def time_left(counts: Counts, passed: timedelta) -> timedelta | None:
    """The estimated time left at the pace so far; None before the first result."""
    return passed / counts.done * (counts.total - counts.done) if counts.done else None
