"""The lists in which rows can be selected, and the actions on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict

from alertadmin.accounts.access import Access
from alertadmin.bulk.actions import ACTIONS
from alertadmin.bulk.actions.base import BulkAction
from alertadmin.dashboard.apps import views as apps
from alertadmin.dashboard.consents import views as consents
from alertadmin.dashboard.credentials.table import credentials_table
from alertadmin.dashboard.ews_migration import views as ews_migration
from alertadmin.dashboard.mailboxes import views as mailboxes
from alertadmin.dashboard.tenants import views as tenants
from alertadmin.dashboard.ui.tables import Table
from alertadmin.registry.models import AppRegistration, Consent, Credential, Mailbox, Tenant
from alertadmin.registry.models.mailbox import by_exchange_online_ews


@dataclass(frozen=True)
class SelectableList:
    matching: Callable[[QueryDict, QuerySet[Any], datetime], QuerySet[Any]]
    """The rows that the list shows for its query, on all pages."""
    rows: Callable[[], QuerySet[Any]]
    actions: tuple[str, ...]
    """Names, in the order of the menu."""

    def actions_for(self, access: Access) -> list[BulkAction[Any]]:
        """The actions that the user may do in at least one tenant."""
        return [action for name in self.actions if access.in_any_tenant((action := ACTIONS[name]).right)]

    def selected(self, access: Access, query: QueryDict, keys: list[str] | None, now: datetime) -> QuerySet[Any]:
        """The visible rows with these ids; without ids all that the query matches."""
        rows = access.visible(self.rows())
        return self.matching(query, rows, now) if keys is None else rows.filter(pk__in=keys)


def _of(table: Table) -> Callable[[QueryDict, QuerySet[Any], datetime], QuerySet[Any]]:
    return lambda query, rows, _now: table.matching(query, rows)


LISTS = {
    "tenants": SelectableList(
        _of(tenants.LISTING),
        Tenant.objects.all,
        ("check_consent", "request_consent", "contacts", "time_zone", "language", "policy"),
    ),
    "apps": SelectableList(_of(apps.LISTING), AppRegistration.objects.all, ("check_consent", "request_consent")),
    "credentials": SelectableList(
        lambda query, rows, now: credentials_table(now).matching(query, rows),
        Credential.objects.all,
        ("notify_owners", "acknowledge"),
    ),
    "mailboxes": SelectableList(_of(mailboxes.LISTING), Mailbox.objects.all, ("send_test", "to_graph")),
    "leaving-ews": SelectableList(
        _of(ews_migration.LISTING),
        lambda: Mailbox.objects.filter(by_exchange_online_ews()),
        ("to_graph", "send_test"),
    ),
    "consents": SelectableList(
        lambda query, rows, _now: consents.matching(query, rows),
        Consent.objects.all,
        ("check_consent", "request_consent"),
    ),
}
"""By the list's name."""
