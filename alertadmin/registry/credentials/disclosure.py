"""Disclosure of a secret to an administrator, once. Audit entry, notification and disclosure are one transaction."""

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

credential_disclosed = Signal()
"""Sent with the audit `entry` in the same transaction. A receiver that cannot notify raises; then nothing is disclosed.
"""


class AlreadyDisclosed(Exception):
    """The secret was disclosed before."""

    def __str__(self) -> str:
        return _(
            "This secret was already shown. It is shown only once: create a new one in the portal, and replace it here."
        )


@sensitive_variables("value")
def disclose(credential: Credential, *, by: User, reason: str, now: datetime) -> str:
    """The secret's value, once.

    Raises ValidationError with a message for the user; Unreadable if the value cannot be decrypted, and then it does
    not count as disclosed.
    """
    if credential.kind != CredentialKind.SECRET or credential.value is None:
        raise ValidationError(_("No secret value is stored here, so there is nothing to show."))
    said = read_reason(reason)
    if OneTimeLink.objects.waiting(now).filter(credential=credential).exists():
        raise ValidationError(_("A one-time link to it has not been opened yet. Revoke the link first."))
    value = decrypt_audited(credential.value)
    try:
        with transaction.atomic():
            shown = create_disclosure(credential, by=by, by_name=str(by), reason=said, now=now)
            entry = audit.record(
                AuditAction.SECRET_HANDED_OVER,
                credential,
                by=by,
                app=credential.app.name,
                reason=said,
                entry=shown.pk,
                now=now,
            )
            credential_disclosed.send(SecretDisclosure, entry=entry)
    except AlreadyDisclosed as error:
        audit.record_refusal(AuditAction.SECRET_HANDED_OVER, credential, result="refused", by=by, reason=said, now=now)
        raise ValidationError(str(error)) from None
    return value


def read_reason(reason: str) -> str:
    """The reason without needless spaces. Raises ValidationError if nothing is left."""
    if not (said := " ".join(reason.split())):
        raise ValidationError({"reason": _("Enter the purpose; other users can read it later.")})
    return said


def create_disclosure(
    credential: Credential, *, by: User | None, by_name: str, reason: str, now: datetime
) -> SecretDisclosure:
    """Store the row that allows the single disclosure. Within a transaction. Raises AlreadyDisclosed."""
    try:
        with transaction.atomic():
            return SecretDisclosure.objects.create(credential=credential, by=by, by_name=by_name, reason=reason, at=now)
    except IntegrityError:
        raise AlreadyDisclosed from None
