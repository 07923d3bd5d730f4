"""Registers a tenant, its app, a secret and a mailbox in one transaction: all of it, or nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from alertadmin.registry.models import (
    AppRegistration,
    Contact,
    Credential,
    CredentialKind,
    CredentialState,
    Mailbox,
    Tenant,
)
from alertadmin.registry.wanted import note_wanted


@dataclass(frozen=True)
class Registration:
    tenant: Tenant
    app: AppRegistration
    credential: Credential | None
    mailbox: Mailbox | None


def add_credential(
    app: AppRegistration,
    *,
    expires_at: datetime,
    value: str = "",
    starts_at: datetime | None = None,
    description: str = "",
    key_id: str = "",
    certificate: str = "",
) -> Credential:
    """The app's first credential is in use at once; any other comes by `replacing.replace`.

    With a `certificate`, `value` is its private key. Raises ValidationError.
    """
    credential = Credential(
        app=app,
        kind=kind_of(certificate),
        certificate=certificate,
        description=description,
        key_id=key_id,
        starts_at=starts_at,
        expires_at=expires_at,
        state=CredentialState.CURRENT,
    )
    if value:
        credential.store(value)
    credential.full_clean()
    credential.save(force_insert=True)
    return credential


def kind_of(certificate: str) -> CredentialKind:
    return CredentialKind.CERTIFICATE if certificate else CredentialKind.SECRET


def set_contacts(tenant: Tenant, emails: Iterable[str]) -> None:
    """Exactly these people are told from now on."""
    wanted = {email.strip().lower(): email.strip() for email in emails if email.strip()}
    tenant.contacts.exclude(email__in=wanted.values()).delete()
    Contact.objects.bulk_create(
        [Contact(tenant=tenant, email=email) for email in wanted.values()], ignore_conflicts=True
    )


@transaction.atomic
def register(
    *,
    tenant: Tenant,
    contacts: Iterable[str] | None = None,
    app: AppRegistration,
    expires_at: datetime | None = None,
    value: str = "",
    starts_at: datetime | None = None,
    description: str = "",
    mailbox: Mailbox | None = None,
) -> Registration:
    """Takes unsaved (or stored) rows; `app.tenant`, `mailbox.app` and `mailbox.tenant` are set here.

    Raises ValidationError (of the row it concerns), and then nothing is stored.
    """
    tenant.full_clean()
    tenant.save()
    if contacts is not None:
        set_contacts(tenant, contacts)
    app.tenant = tenant
    app.full_clean()
    app.save()
    credential = None
    if expires_at is not None:
        credential = add_credential(
            app, value=value, expires_at=expires_at, starts_at=starts_at, description=description
        )
    if mailbox is not None:
        mailbox.app, mailbox.tenant = app, tenant
        mailbox.full_clean()
        mailbox.save()
    note_wanted([app])
    return Registration(tenant, app, credential, mailbox)
