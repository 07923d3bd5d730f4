"""Handing a secret over: once, on purpose, on the record. The record and the showing are one transaction."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from alertadmin.accounts import audit
from alertadmin.accounts.audit import Act
from alertadmin.registry.models import Credential, CredentialKind, Handover

if TYPE_CHECKING:
    from alertadmin.accounts.models import User


def hand_over(credential: Credential, *, by: User, reason: str, now: datetime) -> str:
    """The value. Raises ValidationError in words that help; Unreadable, and then nothing is on the record."""
    if credential.kind != CredentialKind.SECRET or credential.value is None:
        raise ValidationError(_("No secret value is stored here, so there is none to show."))
    if not (said := " ".join(reason.split())):
        raise ValidationError({"reason": _("Say what for, for those who read it later.")})
    try:
        with transaction.atomic():
            shown = Handover.objects.create(credential=credential, by=by, by_name=str(by), reason=said, at=now)
            audit.record(Act.SECRET_HANDED_OVER, credential, by=by, reason=said, entry=shown.pk, now=now)
            return credential.value.reveal()
    except IntegrityError:
        audit.record_alone(Act.SECRET_HANDED_OVER, credential, result="refused", by=by, reason=said, now=now)
        raise ValidationError(
            _("This secret was shown before. It is shown once: make a new one in the portal, and replace it here.")
        ) from None
