"""An uploaded file between the steps of an import in the browser, encrypted, for an hour."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from alertadmin.crypto.fields import Destination, EncryptedField
from alertadmin.stored_values import ObjectField

PENDING_LIFETIME = timedelta(hours=1)


class ImportStatus(models.TextChoices):
    DRAFT = "draft", _("Not checked yet")
    CHECKING = "checking", _("Being checked")
    CHECKED = "checked", _("Checked")
    IMPORTING = "importing", _("Being imported")
    DONE = "done", _("Imported")


def _destination(pending: PendingImport) -> Destination:
    """The user who may open it."""
    return ("upload", str(pending.person_id))


class PendingImport(models.Model):
    """Belongs to the user who uploaded the file; no other user can open it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    status = models.CharField(max_length=10, choices=ImportStatus, default=ImportStatus.DRAFT)
    content = EncryptedField(destination=_destination)
    """The file, compressed, in base64."""
    report = EncryptedField(destination=_destination)
    """What the rows do or did, as JSON in the user's language. It lives as long as the file."""
    answers = ObjectField(default=dict)
    """What the user decided for the file. Never a cell of it."""
    language = models.CharField(max_length=8, blank=True)
    rows = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    lease_until = models.DateTimeField(null=True)
    """A worker is at it until then. The lease of a killed worker expires, and another one starts again."""

    class Meta:
        ordering = ["-created_at", "id"]
        verbose_name = _("pending import")
        verbose_name_plural = _("pending imports")

    def __str__(self) -> str:
        return f"{self.created_at:%Y-%m-%d %H:%M}"

    def is_running(self) -> bool:
        return self.status in (ImportStatus.CHECKING, ImportStatus.IMPORTING)

    def is_expired(self, now: datetime) -> bool:
        return now >= self.expires_at and not (self.is_running() and self.lease_until and self.lease_until > now)
