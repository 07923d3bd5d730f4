"""Counts of rows that a deletion cascades to, in words, for the confirmation page."""

from __future__ import annotations

from django.db.models import Q
from django.utils.translation import ngettext

from alertadmin.accounts.access import Access
from alertadmin.registry.models import AppRegistration, Credential, Mailbox, Tenant


def tenant_cascade(tenant: Tenant) -> list[str]:
    apps = tenant.apps.count()
    lines = [ngettext("%(count)d app registration", "%(count)d app registrations", apps) % {"count": apps}]
    secrets = Credential.objects.filter(app__tenant=tenant).count()
    # An app of this tenant may send from mailboxes of other tenants.
    mailboxes = Mailbox.objects.filter(Q(tenant=tenant) | Q(app__tenant=tenant)).count()
    return [*(lines if apps else []), *_secrets(secrets), *_mailboxes(mailboxes)]


def app_cascade(app: AppRegistration, access: Access) -> list[str]:
    mailboxes = access.visible(Mailbox).filter(app=app).count()
    return [*_secrets(app.credentials.count()), *_mailboxes(mailboxes)]


def _secrets(count: int) -> list[str]:
    return [ngettext("%(count)d secret", "%(count)d secrets", count) % {"count": count}] if count else []


def _mailboxes(count: int) -> list[str]:
    return [ngettext("%(count)d mailbox", "%(count)d mailboxes", count) % {"count": count}] if count else []
