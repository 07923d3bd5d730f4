"""A check of all the tenants of an app, or of every app: goes on in slices until each was asked since it began."""

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
    """Of consents: an app's permission in a tenant is one."""

    total: int
    done: int
    granted: int
    """Of those that are done."""


class ConsentCheckBatchQuerySet(models.QuerySet["ConsentCheckBatch"]):
    def unfinished(self) -> Self:
        return self.filter(slot__isnull=False)


class ConsentCheckBatch(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    app = models.ForeignKey(AppRegistration, models.CASCADE, null=True, related_name="consent_runs")
    """None: every app, as each day."""
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True)
    lease_until = models.DateTimeField(null=True)
    """Until then some process is at it; a slice that was killed leaves it to lapse."""
    slot = models.CharField(max_length=36, null=True, unique=True)
    """What it holds while it goes on, so that there is one of an app, and one of all."""
    is_stopped = models.BooleanField(default=False)
    """By a person, before each was asked."""
    total = models.PositiveIntegerField(default=0)
    granted = models.PositiveIntegerField(default=0)
    """Both as it ended, of what was asked until then; `counts` tells how it stands."""

    objects = ConsentCheckBatchQuerySet.as_manager()

    class Meta:
        db_table = "registry_consentrun"  # older than the model's name
        ordering = ["-started_at", "-id"]
        verbose_name = _("check of consents")
        verbose_name_plural = _("checks of consents")

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
    """At the pace up to now; None as long as there is none. Pure."""
    return passed / counts.done * (counts.total - counts.done) if counts.done else None
