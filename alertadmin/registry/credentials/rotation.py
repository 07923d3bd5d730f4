"""Rotation of a credential without interruption: the old one stays in use until the new one got a token."""

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
    """The result of a rotation. If `proven`, `credential` is in use; otherwise it stays "next", with the reason."""

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
    """Store the new credential as `stage` does, then promote it. Raises ValidationError; then nothing is stored."""
    staged = stage(
        app,
        value=value,
        expires_at=expires_at,
        starts_at=starts_at,
        description=description,
        certificate=certificate,
    )
    return promote(staged, now=now)


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
    """Store a new secret, or a private key with its `certificate`, as "next"; an earlier "next" one is retired.

    Raises ValidationError, also for the value that is in use already; then nothing is stored.
    """
    _lock_app(app)
    # A certificate may be renewed with the same key.
    if not certificate and any(one.holds(value) for one in app.credentials.filter(state=CredentialState.CURRENT)):
        raise ValidationError(
            _("This value is already in use. Create a new secret in the portal, and paste its value."),
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
    """Verify a staged credential. If it gets a token, put it in use and retire the old one in one transaction."""
    done = _promote(credential, now)
    if not done.proven:
        audit.record_refusal(AuditAction.CREDENTIAL_REPLACED, credential, result="failed", cause=done.cause)
    return done


def _promote(credential: Credential, now: datetime) -> Replacement:
    proof = verify_credential(credential, now=now)
    if not proof.ok:
        return Replacement(credential, False, proof.cause, proof.technical)
    with transaction.atomic():
        _lock_app(credential.app)
        waiting = Credential.objects.filter(pk=credential.pk, state=CredentialState.NEXT)
        if not waiting.exists():
            return Replacement(credential, False, "", messages.SUPERSEDED)
        credential.app.credentials.filter(state=CredentialState.CURRENT).update(state=CredentialState.RETIRED)
        waiting.update(state=CredentialState.CURRENT)
        audit.record(AuditAction.CREDENTIAL_REPLACED, credential, kind=credential.kind)
    credential.refresh_from_db()
    return Replacement(credential, True)


def promote_overdue(*, now: datetime, tenant: Tenant | None = None) -> list[Replacement]:
    """Promote staged credentials of apps whose credential in use has expired or was deleted.

    No user requested it, so failures are not recorded in the audit trail each day.
    """
    good = Credential.objects.filter(app=OuterRef("app"), state=CredentialState.CURRENT, expires_at__gt=now)
    overdue = Credential.objects.filter(~Exists(good), state=CredentialState.NEXT, value__isnull=False)
    if tenant is not None:
        overdue = overdue.filter(app__tenant=tenant)
    return [_promote(credential, now) for credential in overdue.select_related("app__tenant")]


def _lock_app(app: AppRegistration) -> None:
    """Lock the app's row until the transaction ends. SQLite needs no lock: its write transactions are exclusive."""
    list(AppRegistration.objects.select_for_update().filter(pk=app.pk).values_list("pk"))
