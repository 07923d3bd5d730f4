"""Replacing a credential without a gap: the old one stays in use until a token has proven the new one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from alertadmin import audit
from alertadmin.audit import AuditAction
from alertadmin.registry import messages
from alertadmin.registry.credentials.verification import verify_credential
from alertadmin.registry.models import AppRegistration, Credential, CredentialState, Tenant
from alertadmin.registry.registration import kind_of


@dataclass(frozen=True)
class Replacement:
    """`credential` is in use if `proven`; else it waits as "next", with the reason."""

    credential: Credential
    proven: bool
    cause: str = ""
    technical: str = ""


def rotate(
    app: AppRegistration,
    *,
    value: str,
    expires_at: datetime,
    starts_at: datetime | None = None,
    description: str = "",
    certificate: str = "",
    now: datetime,
) -> Replacement:
    """Stores the new one as `wait` does, then proves it. Raises ValidationError; then nothing is stored."""
    waiting = stage(
        app,
        value=value,
        expires_at=expires_at,
        starts_at=starts_at,
        description=description,
        certificate=certificate,
    )
    return promote(waiting, now=now)


@transaction.atomic
def stage(
    app: AppRegistration,
    *,
    value: str,
    expires_at: datetime,
    starts_at: datetime | None = None,
    description: str = "",
    certificate: str = "",
) -> Credential:
    """Stores a new secret, or with its `certificate` a private key, as "next"; one that waited before is superseded.

    Raises ValidationError, also for the secret that is in use already; then nothing is stored.
    """
    _alone_with(app)
    # A certificate may be renewed with the same key.
    if not certificate and any(one.holds(value) for one in app.credentials.filter(state=CredentialState.CURRENT)):
        raise ValidationError(
            _("This is the value that is in use already. Make a new secret in the portal, and paste its value."),
            code="same_value",
        )
    app.credentials.filter(state=CredentialState.NEXT).update(state=CredentialState.RETIRED)
    credential = Credential(
        app=app,
        kind=kind_of(certificate),
        certificate=certificate,
        description=description,
        starts_at=starts_at,
        expires_at=expires_at,
        state=CredentialState.NEXT,
    )
    credential.store(value)
    credential.full_clean()
    credential.save(force_insert=True)
    audit.record(AuditAction.CREDENTIAL_CREATED, credential, state=credential.state, kind=credential.kind)
    return credential


def promote(credential: Credential, *, now: datetime) -> Replacement:
    """Proves a waiting credential and, if a token comes, puts it in use and retires the old one, in one transaction."""
    done = _promote(credential, now)
    if not done.proven:
        audit.record_refusal(AuditAction.CREDENTIAL_REPLACED, credential, result="failed", cause=done.cause)
    return done


def _promote(credential: Credential, now: datetime) -> Replacement:
    proof = verify_credential(credential, now=now)
    if not proof.ok:
        return Replacement(credential, False, proof.cause, proof.technical)
    with transaction.atomic():
        _alone_with(credential.app)
        waiting = Credential.objects.filter(pk=credential.pk, state=CredentialState.NEXT)
        if not waiting.exists():
            return Replacement(credential, False, "", messages.SUPERSEDED)
        credential.app.credentials.filter(state=CredentialState.CURRENT).update(state=CredentialState.RETIRED)
        waiting.update(state=CredentialState.CURRENT)
        audit.record(AuditAction.CREDENTIAL_REPLACED, credential, kind=credential.kind)
    credential.refresh_from_db()
    return Replacement(credential, True)


def promote_overdue(*, now: datetime, tenant: Tenant | None = None) -> list[Replacement]:
    """Proves those that wait while the one in use has ended, or is gone: nothing better is left to send with.

    Nobody asked for it: what it cannot prove is not put on the record each time.
    """
    good = Credential.objects.filter(app=OuterRef("app"), state=CredentialState.CURRENT, expires_at__gt=now)
    overdue = Credential.objects.filter(~Exists(good), state=CredentialState.NEXT, value__isnull=False)
    if tenant is not None:
        overdue = overdue.filter(app__tenant=tenant)
    return [_promote(credential, now) for credential in overdue.select_related("app__tenant")]


def _alone_with(app: AppRegistration) -> None:
    """Until the transaction ends. On SQLite every transaction that writes is alone from its beginning."""
    list(AppRegistration.objects.select_for_update().filter(pk=app.pk).values_list("pk"))
