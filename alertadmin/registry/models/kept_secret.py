"""A secret from a form that was refused, encrypted, for an hour: the portal shows it only once."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from alertadmin.crypto.fields import Destination, EncryptedField

KEPT_FOR = timedelta(hours=1)
MAX_PATH = 500


def _destination(kept: KeptSecret) -> Destination:
    """The field of the form that it was entered in, and the user who entered it."""
    return ("form", str(kept.person_id), kept.path, kept.field)


class KeptSecret(models.Model):
    """Belongs to the user who entered it, to the form's address, and to one field of it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    path = models.CharField(max_length=MAX_PATH)
    """With its query, which may name the tenant that the form adds to."""
    field = models.CharField(max_length=60)
    value = EncryptedField(destination=_destination)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ["-created_at", "id"]
        verbose_name = _("kept secret")
        verbose_name_plural = _("kept secrets")

    def __str__(self) -> str:
        return f"{self.created_at:%Y-%m-%d %H:%M}"
