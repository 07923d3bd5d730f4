"""A sign-in by device code that is under way, or how the last one went: at most one for each mailbox."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from alertadmin.registry import destinations
from alertadmin.registry.encryption import EncryptedField
from alertadmin.registry.models.mailbox import Mailbox


class SignInState(models.TextChoices):
    WAITING = "waiting", _("Waiting for the code to be entered")
    DONE = "done", _("Signed in")
    DECLINED = "declined", _("Declined")
    EXPIRED = "expired", _("The code has expired")
    OTHER_ACCOUNT = "other", _("Another account signed in")
    FAILED = "failed", _("Failed")


class SignIn(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    mailbox = models.OneToOneField(Mailbox, models.CASCADE, related_name="sign_in")
    state = models.CharField(_("state"), max_length=8, choices=SignInState)
    user_code = models.CharField(max_length=40, blank=True)
    """What the person enters; gone once it is of no use."""
    page = models.URLField(blank=True)
    device_code = EncryptedField(destination=destinations.of_device_code)
    """Whoever has it is given the tokens; gone once it is of no use."""
    interval = models.PositiveSmallIntegerField(default=5)
    """Seconds between two questions."""
    ask_from = models.DateTimeField()
    """Before this nobody asks again."""
    expires_at = models.DateTimeField()
    account = models.CharField(max_length=254, blank=True)
    """Who signed in, where it was somebody else."""
    cause = models.CharField(max_length=40, blank=True)
    technical = models.TextField(blank=True)
    started_at = models.DateTimeField()

    class Meta:
        verbose_name = _("sign-in")
        verbose_name_plural = _("sign-ins")

    def __str__(self) -> str:
        return f"{self.mailbox_id} {self.state}"
