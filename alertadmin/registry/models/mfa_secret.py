"""The encrypted secret of a second factor: of an authenticator app, or the seed of recovery codes."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from alertadmin.accounts.models import User
from alertadmin.crypto.fields import Destination, EncryptedField


def _destination(secret: MfaSecret) -> Destination:
    """The user that it authenticates."""
    return ("person", str(secret.person_id))


class MfaSecret(models.Model):
    """A factor's secret. allauth's `Authenticator` stores only this row's id."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(User, models.CASCADE, related_name="+")
    value = EncryptedField(destination=_destination)

    class Meta:
        db_table = "registry_factorsecret"  # older than the model's name
        verbose_name = _("MFA secret")
        verbose_name_plural = _("MFA secrets")

    def __str__(self) -> str:
        return str(self.pk)
