"""Registration of a tenant, its app, a secret and a mailbox in one transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from alertadmin import audit
from alertadmin.accounts.email_address import clean
from alertadmin.audit import AuditAction
from alertadmin.registry.consent.required_consents import sync_required_consents
from alertadmin.registry.models import (
    AppRegistration,
    Contact,
    Credential,
    CredentialKind,
    CredentialState,
    Mailbox,
    Tenant,
)
from mailer.email_address import strip_invisible


@dataclass(frozen=True)
class NewRegistration:
    """The rows that `register` stored."""

    tenant: Tenant
    app: AppRegistration
    credential: Credential | None
    mailbox: Mailbox | None


@transaction.atomic
def add_credential(
    app: AppRegistration,
    *,
    expires_at: datetime,
    value: str = "",
    starts_at: datetime | None = None,
    description: str = "",
    key_id: str = "",
    certificate: str = "",
    state: CredentialState = CredentialState.CURRENT,
) -> Credential:
    """Add an app's first credential, which is in use at once, or one that is only monitored (`state` OTHER).

    A first one with a value that starts later waits until then.

    Others are added by `rotation.rotate`.

    With a `certificate`, `value` is its private key. Raises ValidationError, also for the second of two concurrent
    requests that each add the first one.
    """
    lock_app(app)
    credential = Credential(
        app=app,
        kind=kind_of(certificate),
        certificate=certificate,
        description=description,
        key_id=key_id,
        starts_at=starts_at,
        expires_at=expires_at,
        state=state,
    )
    if value:
        credential.store(value)
        if state == CredentialState.CURRENT and not credential.has_started(timezone.now()):
            credential.state = CredentialState.NEXT
    credential.full_clean()
    credential.save(force_insert=True)
    audit.record(AuditAction.CREDENTIAL_CREATED, credential, state=credential.state, kind=credential.kind)
    return credential


def lock_app(app: AppRegistration) -> None:
    """Lock the app's row until the transaction ends. SQLite needs no lock: its write transactions are exclusive."""
    list(AppRegistration.objects.select_for_update().filter(pk=app.pk).values_list("pk"))


def kind_of(certificate: str) -> CredentialKind:
    return CredentialKind.CERTIFICATE if certificate else CredentialKind.SECRET


def set_contacts(tenant: Tenant, emails: Iterable[str]) -> dict[str, list[str]]:
    """Replace the tenant's contacts by these. Returns the addresses that were added and removed, for the audit trail.

    Raises ValidationError for an invalid address.
    """
    wanted = {address.canonical: address.stored for address in map(clean, filter(strip_invisible, emails))}
    before = set(tenant.contacts.values_list("email", flat=True))
    # An address whose spelling changed is deleted and stored again.
    tenant.contacts.exclude(email__in=wanted.values()).delete()
    Contact.objects.bulk_create(
        [Contact(tenant=tenant, email=email) for email in wanted.values()], ignore_conflicts=True
    )
    after = set(wanted.values())
    changes = {"added": sorted(after - before), "removed": sorted(before - after)}
    return {name: emails for name, emails in changes.items() if emails}


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
) -> NewRegistration:
    """Save the rows, which may be new or stored; sets `app.tenant`, `mailbox.app` and `mailbox.tenant`.

    Raises ValidationError with the fields of the invalid row; then nothing is stored.
    """
    is_new = tenant._state.adding
    tenant.full_clean()
    tenant.save()
    contact_changes = set_contacts(tenant, contacts) if contacts is not None else {}
    if is_new:
        audit.record(AuditAction.TENANT_CREATED, tenant, contacts=contact_changes)
    app.tenant = tenant
    app.full_clean()
    with audit.record_save(AuditAction.APP_CREATED, AuditAction.APP_CHANGED, app):
        app.save()
    credential = None
    if expires_at is not None:
        credential = add_credential(
            app, value=value, expires_at=expires_at, starts_at=starts_at, description=description
        )
    if mailbox is not None:
        mailbox.app, mailbox.tenant = app, tenant
        mailbox.full_clean()
        with audit.record_save(AuditAction.MAILBOX_CREATED, AuditAction.MAILBOX_CHANGED, mailbox):
            mailbox.save()
    sync_required_consents([app])
    return NewRegistration(tenant, app, credential, mailbox)
