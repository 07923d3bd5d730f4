"""The secrets stored for apps, which are deleted when an app's destination (cloud, directory, client id) changes."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q, QuerySet

from alertadmin import audit
from alertadmin.audit import AuditAction
from alertadmin.registry.models import AppRegistration, Credential, DeviceCodeFlow, Mailbox, Tenant

Apps = QuerySet[AppRegistration]


def count(apps: Apps) -> int:
    """The number of values of secrets and certificates, and of sign-ins of personal accounts."""
    return _credentials(apps).count() + _accounts(apps).count() + _sign_ins(apps).count()


def delete_secrets(apps: Apps) -> None:
    """Delete them, within the transaction that changes the destination. Each deletion is recorded.

    The rows stay with their expiry dates, so that reminders continue.
    """
    with transaction.atomic():
        for credential in _credentials(apps).select_related("app__tenant"):
            with audit.record_change(AuditAction.CREDENTIAL_CHANGED, credential):
                Credential.objects.filter(pk=credential.pk).update(value=None, hint="", proven_at=None)
        for mailbox in _accounts(apps).select_related("app", "tenant"):
            with audit.record_change(AuditAction.MAILBOX_CHANGED, mailbox):
                Mailbox.objects.filter(pk=mailbox.pk).update(
                    refresh_token=None, signed_in_at=None, sign_in_ends_at=None
                )
        _sign_ins(apps).delete()


def other_clouds(tenant: Tenant, cloud: str) -> QuerySet[Mailbox]:
    """The mailboxes that would send through an app of another cloud if the tenant were in `cloud`."""
    guests = Q(tenant=tenant) & ~Q(app__tenant=tenant) & ~Q(app__tenant__cloud=cloud)
    abroad = Q(app__tenant=tenant) & ~Q(tenant=tenant) & ~Q(tenant__cloud=cloud)
    return Mailbox.objects.filter(guests | abroad, app__isnull=False)


def _credentials(apps: Apps) -> QuerySet[Credential]:
    return Credential.objects.filter(app__in=apps, value__isnull=False)


def _accounts(apps: Apps) -> QuerySet[Mailbox]:
    return Mailbox.objects.filter(app__in=apps, refresh_token__isnull=False)


def _sign_ins(apps: Apps) -> QuerySet[DeviceCodeFlow]:
    return DeviceCodeFlow.objects.filter(
        Q(device_code__isnull=False) | Q(held_token__isnull=False), mailbox__app__in=apps
    )
