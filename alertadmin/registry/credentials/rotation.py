"""Rotation of a credential without interruption: the old one stays in use until the new one got a token."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from alertadmin import audit
from alertadmin.audit import AuditAction
from alertadmin.registry import messages
from alertadmin.registry.credentials.verification import verify_credential
from alertadmin.registry.models import AppRegistration, Credential, CredentialKind, CredentialState, Tenant
from alertadmin.registry.registration import kind_of, lock_app

NOT_IN_USE = (CredentialState.NEXT, CredentialState.OTHER)
"""Monitored, and not in use: what may be put into use."""


@dataclass(frozen=True)
class Replacement:
    """The result of a rotation. If `proven`, `credential` is in use; otherwise it stays "next", with the reason.

    `was_in_use`: it only got its value, and supersedes none.
    """

    credential: Credential
    proven: bool
    cause: str = ""
    technical: str = ""
    is_early: bool = False
    """It has not started: no token was requested."""
    was_in_use: bool = False


def rotate(
    app: AppRegistration,
    *,
    value: str,
    expires_at: datetime,
    starts_at: datetime | None = None,
    description: str = "",
    key_id: str = "",
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
        key_id=key_id,
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
    key_id: str = "",
    certificate: str = "",
) -> Credential:
    """Store a new secret, or a private key with its `certificate`, as "next"; an earlier "next" one stays monitored.

    A monitored credential with the same key ID is the same one: it gets the value. If it is in use, and got no token
    yet, it stays in use.
    Raises ValidationError, also for the value that is in use already; then nothing is stored.
    """
    lock_app(app)
    # A certificate may be renewed with the same key.
    if not certificate and any(one.holds(value) for one in app.credentials.filter(state=CredentialState.CURRENT)):
        raise ValidationError(
            _("This value is already in use. Create a new secret in the portal, and paste its value."),
            code="same_value",
        )
    kind = kind_of(certificate)
    same = _same_credential(app, kind, key_id, description, expires_at)
    credential = same or Credential(app=app, kind=kind, state=CredentialState.NEXT)
    if credential.state != CredentialState.CURRENT:
        _move(app.credentials.filter(state=CredentialState.NEXT).exclude(pk=credential.pk), CredentialState.OTHER)
        credential.state = CredentialState.NEXT
    credential.key_id = key_id or credential.key_id
    credential.certificate = certificate
    credential.description = description or credential.description
    credential.starts_at = starts_at or credential.starts_at
    credential.expires_at = expires_at
    credential.proven_at = None
    credential.store(value)
    credential.full_clean()
    credential.save()
    action = AuditAction.CREDENTIAL_CHANGED if same else AuditAction.CREDENTIAL_CREATED
    audit.record(action, credential, state=credential.state, kind=credential.kind)
    return credential


def promote(credential: Credential, *, now: datetime) -> Replacement:
    """Verify a waiting or monitored credential. If it gets a token, put it in use and retire the old one in one
    transaction. One that is in use already is only verified."""
    done = _promote(credential, now)
    if not done.proven and not done.is_early:
        audit.record_refusal(_action_of(done), credential, result="failed", cause=done.cause)
    return done


def _action_of(done: Replacement) -> AuditAction:
    return AuditAction.CREDENTIAL_PROVEN if done.was_in_use else AuditAction.CREDENTIAL_REPLACED


def _promote(credential: Credential, now: datetime) -> Replacement:
    expected = credential.state
    was_in_use = expected == CredentialState.CURRENT
    if not credential.has_started(now):
        return Replacement(credential, False, is_early=True, was_in_use=was_in_use)
    proof = verify_credential(credential, now=now)
    if not proof.ok:
        return Replacement(credential, False, proof.cause, proof.technical, was_in_use=was_in_use)
    with transaction.atomic():
        lock_app(credential.app)
        waiting = Credential.objects.filter(pk=credential.pk, state=expected)
        stored = waiting.first()
        if stored is None or not (credential.value and stored.holds(credential.value.decrypt())):
            return Replacement(credential, False, "", messages.SUPERSEDED, was_in_use=was_in_use)
        old = credential.app.credentials.filter(state=CredentialState.CURRENT).exclude(pk=credential.pk)
        retired = _set_state(old, CredentialState.RETIRED)
        waiting.update(state=CredentialState.CURRENT)
        # Recorded when both have their states: between them the app would have no credential in use.
        _record_state(retired)
        done = Replacement(credential, True, was_in_use=was_in_use)
        audit.record(_action_of(done), credential, kind=credential.kind)
    credential.refresh_from_db()
    return done


def promote_overdue(*, now: datetime, tenant: Tenant | None = None) -> list[Replacement]:
    """Promote staged credentials of apps whose credential in use has expired or was deleted.

    No user requested it, so failures are not recorded in the audit trail each day.
    """
    good = Credential.objects.filter(app=OuterRef("app"), state=CredentialState.CURRENT, expires_at__gt=now)
    started = Q(starts_at=None) | Q(starts_at__lte=now)
    overdue = Credential.objects.filter(started, ~Exists(good), state=CredentialState.NEXT, value__isnull=False)
    if tenant is not None:
        overdue = overdue.filter(app__tenant=tenant)
    return [_promote(credential, now) for credential in overdue.select_related("app__tenant")]


@transaction.atomic
def retire(credential: Credential) -> bool:
    """Stop monitoring a credential that is not in use. Returns False if another request changed its state before."""
    lock_app(credential.app)
    return _move(Credential.objects.filter(pk=credential.pk, state__in=NOT_IN_USE), CredentialState.RETIRED)


@transaction.atomic
def monitor_again(credential: Credential) -> bool:
    """Monitor a retired credential, without using it. Returns False if another request changed its state before."""
    lock_app(credential.app)
    return _move(Credential.objects.filter(pk=credential.pk, state=CredentialState.RETIRED), CredentialState.OTHER)


def _same_credential(
    app: AppRegistration, kind: CredentialKind, key_id: str, description: str, expires_at: datetime
) -> Credential | None:
    """The monitored credential with this key ID, unless it is in use and got a token; without a key ID, the waiting
    secret whose mistaken value is corrected: it got no token yet, and has the same name and expiry date."""
    found = app.credentials.filter(kind=kind)
    if key_id:
        may_change = Q(state__in=NOT_IN_USE) | Q(state=CredentialState.CURRENT, proven_at=None)
        return found.filter(may_change, key_id=key_id).first()
    if kind == CredentialKind.CERTIFICATE:
        return None
    corrected = found.filter(state=CredentialState.NEXT, proven_at=None)
    return corrected.filter(description=description, expires_at=expires_at).first()


def _move(credentials: QuerySet[Credential], state: CredentialState) -> bool:
    """Change the state of each, and record it. Returns whether there was one."""
    found = _set_state(credentials, state)
    _record_state(found)
    return bool(found)


def _set_state(credentials: QuerySet[Credential], state: CredentialState) -> list[Credential]:
    found = list(credentials)
    for one in found:
        one.state = state
        one.save(update_fields=["state"])
    return found


def _record_state(credentials: Iterable[Credential]) -> None:
    for one in credentials:
        audit.record(AuditAction.CREDENTIAL_CHANGED, one, state=one.state)
