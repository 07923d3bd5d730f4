"""The lists that can be exported, and the columns of each file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from alertadmin.accounts.access import Access
from alertadmin.accounts.roles import Right
from alertadmin.dashboard.apps import views as apps
from alertadmin.dashboard.channels import views as channels
from alertadmin.dashboard.consents import views as consents
from alertadmin.dashboard.credentials.table import credentials_table
from alertadmin.dashboard.deliveries import views as deliveries
from alertadmin.dashboard.ews_migration import views as ews_migration
from alertadmin.dashboard.export import registrations
from alertadmin.dashboard.export.writers import Cell, Row
from alertadmin.dashboard.mailboxes import views as mailboxes
from alertadmin.dashboard.tenants import views as tenants
from alertadmin.dashboard.ui.tables import Table
from alertadmin.outbox.models import Channel, Delivery
from alertadmin.registry.models import AppRegistration, Consent, Credential, Mailbox, Tenant
from alertadmin.registry.models.mailbox import by_exchange_online_ews

CHUNK = 500
Value = Callable[[Any], Cell]
Matching = Callable[[QueryDict, QuerySet[Any], datetime], QuerySet[Any]]


@dataclass(frozen=True)
class ExportableList:
    matching: Matching
    """The rows that the list shows for its query, on all pages."""
    rows: Callable[[], QuerySet[Any]]
    header: tuple[str | Promise, ...]
    write: Callable[[QuerySet[Any], Access], Iterator[Row]]
    is_importable: bool = False
    """Whether the import reads the file."""
    right: Right = Right.LOOK


def _importable(matching: Matching, rows: Callable[[], QuerySet[Any]], write: Any) -> ExportableList:
    return ExportableList(matching, rows, registrations.HEADER, write, is_importable=True)


def _plain(
    matching: Matching,
    rows: Callable[[], QuerySet[Any]],
    columns: dict[str | Promise, Value],
) -> ExportableList:
    def write(found: QuerySet[Any], _access: Access) -> Iterator[Row]:
        for row in found.iterator(chunk_size=CHUNK):
            yield [value(row) for value in columns.values()]

    return ExportableList(matching, rows, tuple(columns), write)


def _of(table: Table) -> Matching:
    return lambda query, rows, _now: table.matching(query, rows)


LISTS = {
    "tenants": _importable(_of(tenants.LISTING), Tenant.objects.all, registrations.of_tenants),
    "apps": _importable(_of(apps.LISTING), AppRegistration.objects.all, registrations.of_apps),
    "credentials": _importable(
        lambda query, rows, now: credentials_table(now).matching(query, rows),
        Credential.objects.all,
        registrations.of_credentials,
    ),
    "mailboxes": _importable(_of(mailboxes.LISTING), Mailbox.objects.all, registrations.of_mailboxes),
    "leaving-ews": _importable(
        _of(ews_migration.LISTING),
        lambda: Mailbox.objects.filter(by_exchange_online_ews()),
        registrations.of_mailboxes,
    ),
    "consents": _plain(
        lambda query, rows, _now: consents.matching(query, rows),
        lambda: Consent.objects.select_related("tenant", "app"),
        {
            _("Tenant"): lambda one: one.tenant.name,
            _("Directory (tenant) ID"): lambda one: one.tenant.directory_id,
            _("App registration"): lambda one: one.app.name,
            _("Application (client) ID"): lambda one: one.app.client_id,
            _("Permission"): lambda one: one.permission,
            _("Consent"): lambda one: str(one.get_status_display()),
            _("Checked"): lambda one: one.checked_at,
        },
    ),
    "deliveries": _plain(
        _of(deliveries.LISTING),
        lambda: Delivery.objects.defer("text", "html", "details", "attachments"),
        {
            _("Created"): lambda one: one.created_at,
            _("Recipient"): lambda one: one.recipient,
            _("Subject"): lambda one: one.subject,
            _("Purpose"): lambda one: str(one.get_purpose_display()),
            _("Status"): lambda one: str(one.get_state_display()),
            _("Finished"): lambda one: one.settled_at,
        },
    ),
    "channels": _plain(
        _of(channels.LISTING),
        lambda: Channel.objects.select_related("tenant", "app__tenant").defer(*channels.SEALED),
        {
            _("Name"): lambda one: one.name,
            _("Kind"): lambda one: one.label,
            _("Tenant"): lambda one: (
                (one.tenant or (one.app.tenant if one.app else "")) and str(one.tenant or one.app.tenant)
            ),
            _("App registration"): lambda one: one.app.name if one.app else "",
        },
    ),
}
"""By the list's name. Users and the audit trail: see `users.views` and `audit.export`."""
