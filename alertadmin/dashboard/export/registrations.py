"""Registrations in the columns of an import, without secret values: importing the file again changes nothing.

A row has a tenant, its app, one of the app's secrets and one of its mailboxes; further secrets and mailboxes have rows
of their own. Mailboxes on premises belong to no app, and superseded secrets are not monitored: both are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC
from itertools import zip_longest

from django.db.models import Prefetch, QuerySet

from alertadmin.accounts.access import Access
from alertadmin.accounts.roles import Right
from alertadmin.dashboard.export.writers import Row
from alertadmin.registry.csv_import import COLUMNS
from alertadmin.registry.models import AppRegistration, Contact, Credential, CredentialState, Mailbox, Tenant

HEADER = tuple(name for name in COLUMNS if name != "secret_value")
CHUNK = 200


def of_tenants(tenants: QuerySet[Tenant], access: Access) -> Iterator[Row]:
    apps = _with_parts(AppRegistration.objects.order_by("name", "pk"), access)
    found = tenants.prefetch_related("contacts", Prefetch("apps", apps))
    for tenant in found.iterator(chunk_size=CHUNK):
        registered = list(tenant.apps.all())
        for app in registered:
            yield from _of_app(app, tenant)
        if not registered:
            yield _row(tenant)


def of_apps(apps: QuerySet[AppRegistration], access: Access) -> Iterator[Row]:
    found = _with_parts(apps.select_related("tenant"), access).prefetch_related("tenant__contacts")
    for app in found.iterator(chunk_size=CHUNK):
        yield from _of_app(app, app.tenant)


def of_credentials(credentials: QuerySet[Credential], _access: Access) -> Iterator[Row]:
    found = credentials.select_related("app__tenant").defer("value", "certificate")
    for one in found.prefetch_related("app__tenant__contacts").iterator(chunk_size=CHUNK):
        yield _row(one.app.tenant, one.app, one)


def of_mailboxes(mailboxes: QuerySet[Mailbox], access: Access) -> Iterator[Row]:
    """A mailbox that sends through an app of a tenant invisible to the user is listed without the app."""
    found = mailboxes.filter(app__isnull=False).select_related("tenant", "app__tenant")
    found = found.defer("password", "refresh_token").prefetch_related("tenant__contacts", "app__tenant__contacts")
    for one in found.iterator(chunk_size=CHUNK):
        if one.app is not None and access.may(Right.LOOK, one.app):
            yield _row(one.app.tenant, one.app, None, one)
        else:
            yield _row(one.tenant, None, None, one)


def _with_parts(apps: QuerySet[AppRegistration], access: Access) -> QuerySet[AppRegistration]:
    credentials = Credential.objects.exclude(state=CredentialState.RETIRED).defer("value", "certificate")
    mailboxes = access.visible(Mailbox.objects.defer("password", "refresh_token"))
    return apps.prefetch_related(
        Prefetch("credentials", credentials.order_by("expires_at", "pk"), to_attr="exported_credentials"),
        Prefetch("mailboxes", mailboxes.order_by("address", "pk"), to_attr="exported_mailboxes"),
    )


def _of_app(app: AppRegistration, tenant: Tenant) -> Iterator[Row]:
    # The one in use first: in an empty installation the import takes the first secret of an app for it.
    credentials = sorted(vars(app)["exported_credentials"], key=lambda one: _ORDER.get(one.state, len(_ORDER)))
    for credential, mailbox in zip_longest(credentials, vars(app)["exported_mailboxes"]):
        yield _row(tenant, app, credential, mailbox)
    if not credentials and not vars(app)["exported_mailboxes"]:
        yield _row(tenant, app)


_ORDER = {CredentialState.CURRENT: 0, CredentialState.NEXT: 1}


def _row(
    tenant: Tenant,
    app: AppRegistration | None = None,
    credential: Credential | None = None,
    mailbox: Mailbox | None = None,
) -> Row:
    cells = {
        "tenant_name": tenant.name,
        "directory_id": tenant.directory_id,
        "cloud": tenant.cloud,
        "contact_emails": _joined(tenant.contacts.all()),
        "time_zone": tenant.time_zone,
        "language": tenant.language,
    }
    if app is not None:
        cells |= {"app_name": app.name, "client_id": app.client_id, "audience": app.audience, "owner": app.owner}
    if credential is not None:
        cells |= {
            "secret_description": credential.description,
            "secret_expires_on": credential.expires_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "key_id": credential.key_id,
            "credential_type": credential.kind,
        }
    if mailbox is not None:
        cells |= {"mailbox": mailbox.address, "transport": mailbox.transport}
    return [cells.get(name, "") for name in HEADER]


def _joined(contacts: Iterable[Contact]) -> str:
    return "; ".join(sorted(contact.email for contact in contacts))
