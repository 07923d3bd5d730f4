"""A request to the consent callback and how it was validated. For the record only: a consent's status never depends on
it."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from alertadmin.registry.models.consent import Consent


class CallbackOutcome(models.TextChoices):
    TAKEN = "taken", _("Granted according to Microsoft")
    DECLINED = "declined", _("Declined, or an error")
    FORGED = "forged", _("Refused: not started here")
    EXPIRED = "expired", _("Refused: older than ten minutes")
    FOREIGN = "foreign", _("Refused: started by another user or in another browser")
    REPLAYED = "replayed", _("Refused: returned a second time")
    MIXED_UP = "mixed_up", _("Refused: for another directory")


class ConsentCallback(models.Model):
    """One redirect from Microsoft's consent page."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    consent = models.ForeignKey(Consent, models.SET_NULL, null=True, related_name="returns")
    outcome = models.CharField(_("outcome"), max_length=10, choices=CallbackOutcome)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    nonce = models.CharField(max_length=64, unique=True, null=True)
    """Of the request's state, if that was valid: unique, so that no state is accepted twice."""
    detail = models.CharField(max_length=300, blank=True)
    """The error or the directory id in the request."""
    at = models.DateTimeField(_("returned"))

    class Meta:
        db_table = "registry_consentreturn"  # older than the model's name
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["-at", "-id"], name="consent_return_newest")]
        verbose_name = _("consent callback")
        verbose_name_plural = _("consent callbacks")

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.outcome}"
