"""A link that shows a secret's value once to a person without an account. The row contains no value."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from alertadmin.audit.tenant_scope import tenant_scoped
from alertadmin.registry.models.credential import Credential, CredentialState
from alertadmin.registry.models.mailbox import Mailbox


class LinkState(models.TextChoices):
    WAITING = "waiting", _("waiting")
    OPENED = "opened", _("opened")
    REVOKED = "revoked", _("revoked")
    EXPIRED = "expired", _("expired")


class OneTimeLinkQuerySet(models.QuerySet["OneTimeLink"]):
    def waiting(self, now: datetime) -> OneTimeLinkQuerySet:
        return self.filter(is_open=True, ends_at__gt=now)

    def by_token(self, token: str) -> OneTimeLinkQuerySet:
        return self.filter(digest=digest_of(token))

    def usable(self, now: datetime) -> OneTimeLinkQuerySet:
        """Waiting links to a credential in use whose value was never disclosed."""
        in_use = Q(credential__state=CredentialState.CURRENT, credential__value__isnull=False)
        return self.waiting(now).filter(in_use, credential__handover=None)


@tenant_scoped("credential__app__tenant")
class OneTimeLink(models.Model):
    """Only a hash of the link's token is stored. At most one link of a credential is open."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    credential = models.ForeignKey(Credential, models.CASCADE, related_name="handover_links")
    mailbox = models.ForeignKey(Mailbox, models.SET_NULL, null=True, related_name="+")
    program = models.CharField(max_length=20, blank=True)
    """The slug of the program whose settings are shown beside the value, as on the page where the link was made."""
    digest = models.CharField(max_length=64, unique=True, editable=False)
    """SHA-256 of the token. The token has 256 random bits, so the hash needs no salt."""
    recipient = models.CharField(_("recipient"), max_length=200)
    """Free text."""
    reason = models.CharField(_("reason"), max_length=300)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    by_name = models.CharField(max_length=254)
    """Kept when the user is deleted."""
    made_at = models.DateTimeField()
    ends_at = models.DateTimeField(_("valid until"))
    is_open = models.BooleanField(default=True)
    """Neither opened nor revoked, nor replaced by another link after it expired."""
    opened_at = models.DateTimeField(_("opened"), null=True)
    opened_from = models.CharField(_("address"), max_length=45, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True)

    objects = OneTimeLinkQuerySet.as_manager()

    class Meta:
        db_table = "registry_handoverlink"  # older than the model's name
        ordering = ["-made_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["credential"], condition=Q(is_open=True), name="one_open_handover_link"),
        ]
        verbose_name = _("one-time link to a secret")
        verbose_name_plural = _("one-time links to secrets")

    def __str__(self) -> str:
        return f"{self.credential}: {self.recipient}"

    def state(self, now: datetime) -> LinkState:
        if self.opened_at:
            return LinkState.OPENED
        if self.revoked_at:
            return LinkState.REVOKED
        return LinkState.WAITING if self.is_open and now < self.ends_at else LinkState.EXPIRED


def new_token() -> str:
    return secrets.token_urlsafe(32)


def digest_of(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
