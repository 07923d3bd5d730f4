"""A bulk job: one action on many rows, with the result of each row."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from alertadmin.stored_values import ObjectField

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager

LONGEST_LABEL = 256


class BulkJobQuerySet(models.QuerySet["BulkJob"]):
    def running(self) -> BulkJobQuerySet:
        return self.filter(started_at__isnull=False, finished_at=None)


class BulkJob(models.Model):
    """Belongs to the user who started it, and does what that user may do at the time of each row.

    draft ──start──> running ──no row waits──> finished
                        └──stop──> finished, is_stopped
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="bulk_jobs")
    action = models.CharField(_("action"), max_length=40)
    """Name of a `BulkAction`."""
    parameters = ObjectField(default=dict, blank=True)
    """The user's input, as the action's form returned it."""
    list_name = models.CharField(max_length=40)
    """The list in which the rows were selected (a URL name)."""
    list_query = models.TextField(blank=True)
    """Its query string, with search, filters and sort."""
    left_out = models.PositiveIntegerField(default=0)
    """Selected rows that the user may see, but not change in this way."""
    created_at = models.DateTimeField(_("created"))
    started_at = models.DateTimeField(_("started"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)
    is_stopped = models.BooleanField(default=False)
    lease_until = models.DateTimeField(null=True)
    """A process works on it until then. The lease of a killed process expires."""
    worked_at = models.DateTimeField(null=True)
    """The end of its last slice: the job that has waited longest is next."""

    objects = BulkJobQuerySet.as_manager()

    if TYPE_CHECKING:
        rows: RelatedManager[BulkRow]

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["user", "-created_at"], name="bulk_job_by_user")]
        verbose_name = _("bulk job")
        verbose_name_plural = _("bulk jobs")

    def __str__(self) -> str:
        return self.action

    def get_absolute_url(self) -> str:
        return reverse("bulk-job", args=[self.pk])

    @property
    def is_draft(self) -> bool:
        return self.started_at is None

    @property
    def is_running(self) -> bool:
        return self.started_at is not None and self.finished_at is None

    @property
    def label(self) -> str:
        """The action in words; its stored name if this version does not know it."""
        from alertadmin.bulk.actions import find_action  # imports this module

        action = find_action(self.action)
        return str(action.label) if action else self.action

    @property
    def list_url(self) -> str:
        """The list as it was filtered."""
        url = reverse(self.list_name)
        return f"{url}?{self.list_query}" if self.list_query else url


class RowState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    DONE = "done", _("Done")
    UNCHANGED = "unchanged", _("Nothing to do")
    SKIPPED = "skipped", _("Skipped")
    FAILED = "failed", _("Failed")


class BulkRow(models.Model):
    job = models.ForeignKey(BulkJob, models.CASCADE, related_name="rows")
    key = models.CharField(max_length=80)
    """What the action works on, unique in the job: a row's id, or two joined by a colon."""
    label = models.CharField(max_length=LONGEST_LABEL)
    """Its name when it was selected: the row may be renamed or deleted."""
    parameters = ObjectField(default=dict, blank=True)
    """What belongs to it besides, such as the secrets of a tenant."""
    state = models.CharField(max_length=10, choices=RowState, default=RowState.WAITING)
    result = models.TextField(blank=True)
    """A stored text (`stored_messages`)."""
    not_before = models.DateTimeField(null=True)
    """While it waits: for a limit, or for the result of a test."""
    done_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["job", "key"], name="bulk_row_once_in_its_job")]
        indexes = [models.Index(fields=["job", "state", "id"], name="bulk_row_by_state")]
        verbose_name = _("row of a bulk job")
        verbose_name_plural = _("rows of a bulk job")

    def __str__(self) -> str:
        return self.label

    def is_waiting_for(self, now: datetime) -> bool:
        return self.state == RowState.WAITING and self.not_before is not None and self.not_before > now
