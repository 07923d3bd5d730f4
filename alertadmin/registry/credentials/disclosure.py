"""Handing a secret over: once, on purpose, on the record. Record, telling and showing are one transaction."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.dispatch import Signal
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from alertadmin import audit
from alertadmin.audit import AuditAction
from alertadmin.crypto.decryption import decrypt_audited
from alertadmin.registry.models import Credential, CredentialKind, OneTimeLink, SecretDisclosure

if TYPE_CHECKING:
    from alertadmin.accounts.models import User

handed_over = Signal()
"""Sent with the `entry` of the audit trail, in the same transaction: whoever cannot tell of it raises, and nothing is
shown."""


class AlreadyDisclosed(Exception):
    def __str__(self) -> str:
        return _("This secret was shown before. It is shown once: make a new one in the portal, and replace it here.")


@sensitive_variables("value")
def disclose(credential: Credential, *, by: User, reason: str, now: datetime) -> str:
    """The value. Raises ValidationError in words that help; Unreadable, and then it counts as not shown."""
    if credential.kind != CredentialKind.SECRET or credential.value is None:
        raise ValidationError(_("No secret value is stored here, so there is none to show."))
    said = read_reason(reason)
    if OneTimeLink.objects.waiting(now).filter(credential=credential).exists():
        raise ValidationError(_("A one-time link to it waits to be opened. Revoke the link first."))
    value = decrypt_audited(credential.value)
    try:
        with transaction.atomic():
            shown = once(credential, by=by, by_name=str(by), reason=said, now=now)
            entry = audit.record(
                AuditAction.SECRET_HANDED_OVER,
                credential,
                by=by,
                app=credential.app.name,
                reason=said,
                entry=shown.pk,
                now=now,
            )
            handed_over.send(SecretDisclosure, entry=entry)
    except AlreadyDisclosed as error:
        audit.record_refusal(AuditAction.SECRET_HANDED_OVER, credential, result="refused", by=by, reason=said, now=now)
        raise ValidationError(str(error)) from None
    return value


def read_reason(reason: str) -> str:
    """Raises ValidationError if there is nothing but spaces."""
    if not (said := " ".join(reason.split())):
        raise ValidationError({"reason": _("Say what for, for those who read it later.")})
    return said


def once(credential: Credential, *, by: User | None, by_name: str, reason: str, now: datetime) -> SecretDisclosure:
    """The row without which nothing is shown. Within a transaction. Raises AlreadyDisclosed."""
    try:
        with transaction.atomic():
            return SecretDisclosure.objects.create(credential=credential, by=by, by_name=by_name, reason=reason, at=now)
    except IntegrityError:
        raise AlreadyDisclosed from None
