"""Replacing a credential without a gap: the old one stays in use until a token has proven the new one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from alertadmin.registry import checks
from alertadmin.registry.models import AppRegistration, Credential, CredentialState


@dataclass(frozen=True)
class Replacement:
    """`credential` is in use if `proven`; else it waits as "next", with the reason."""

    credential: Credential
    proven: bool
    cause: str = ""
    technical: str = ""


def replace(
    app: AppRegistration,
    *,
    value: str,
    expires_at: datetime,
    starts_at: datetime | None = None,
    description: str = "",
    now: datetime,
) -> Replacement:
    """Stores the new secret as "next", then proves it. A "next" that waited before is superseded by this one."""
    with transaction.atomic():
        app.credentials.filter(state=CredentialState.NEXT).update(state=CredentialState.RETIRED)
        credential = Credential(
            app=app, description=description, starts_at=starts_at, expires_at=expires_at, state=CredentialState.NEXT
        )
        credential.store(value)
        credential.full_clean()
        credential.save(force_insert=True)
    return promote(credential, now=now)


def promote(credential: Credential, *, now: datetime) -> Replacement:
    """Proves a waiting credential and, if a token comes, puts it in use and retires the old one, in one transaction."""
    proof = checks.prove(credential, now=now)
    if not proof.ok:
        return Replacement(credential, False, proof.cause, proof.technical)
    with transaction.atomic():
        others = Credential.objects.filter(app=credential.app, state=CredentialState.CURRENT).exclude(pk=credential.pk)
        others.update(state=CredentialState.RETIRED)
        Credential.objects.filter(pk=credential.pk).update(state=CredentialState.CURRENT)
    credential.refresh_from_db()
    return Replacement(credential, True)
