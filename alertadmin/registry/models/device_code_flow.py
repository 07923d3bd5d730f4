"""The current or last sign-in by device code of a mailbox (RFC 8628): at most one for each mailbox."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from alertadmin.crypto.fields import Destination, EncryptedField
from alertadmin.registry.clouds import refresh_token_destination
from alertadmin.registry.models.mailbox import Mailbox


class DeviceCodeState(models.TextChoices):
    WAITING = "waiting", _("Waiting for the code to be entered")
    HELD = "held", _("Waiting for an administrator to confirm the account")
    DONE = "done", _("Signed in")
    DECLINED = "declined", _("Declined")
    EXPIRED = "expired", _("The code has expired")
    OTHER_ACCOUNT = "other", _("Another account signed in")
    FAILED = "failed", _("Failed")


def _destination(flow: DeviceCodeFlow) -> Destination:
    return refresh_token_destination(flow.mailbox)


class DeviceCodeFlow(models.Model):
    """The states and transitions are drawn in `registry.personal.device_code`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    mailbox = models.OneToOneField(Mailbox, models.CASCADE, related_name="sign_in")
    state = models.CharField(_("status"), max_length=8, choices=DeviceCodeState)
    user_code = models.CharField(max_length=40, blank=True)
    """The code that the user enters at Microsoft; cleared when it is no longer needed."""
    page = models.URLField(blank=True)
    device_code = EncryptedField(destination=_destination)
    """Gives its holder the tokens; cleared when it is no longer needed."""
    interval = models.PositiveSmallIntegerField(default=5)
    """Seconds between two polls."""
    ask_from = models.DateTimeField()
    """The time of the next poll."""
    expires_at = models.DateTimeField()
    account = models.CharField(max_length=254, blank=True)
    """The account that signed in, shown for confirmation or in the error that it is another account."""
    held_token = EncryptedField(destination=_destination)
    """The refresh token until the account is confirmed; nothing is sent with it. Cleared on confirmation, refusal and
    expiry."""
    begun_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    binding = models.CharField(max_length=64, blank=True, default="", editable=False)
    """SHA-256, in hex, of a secret in the session that started the flow: no other session can see the code or continue.
    """
    cause = models.CharField(max_length=40, blank=True)
    technical = models.TextField(blank=True)
    started_at = models.DateTimeField()

    class Meta:
        db_table = "registry_signin"  # older than the model's name
        verbose_name = _("sign-in")
        verbose_name_plural = _("sign-ins")

    def __str__(self) -> str:
        return f"{self.mailbox_id} {self.state}"
