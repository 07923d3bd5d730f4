"""Rows with a value that this version cannot use, and what is done in its place.

Another version, another program or a file that was changed leaves them. What is asked for them goes on without the
value; so each is named to the operator, with what to do. Read when it is asked for: a query or two for each column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from django.db.models import Model, Q, QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alertadmin.accounts import languages, time_zones
from alertadmin.accounts.models import User
from alertadmin.outbox.models import Delivery, Level, Purpose
from alertadmin.outbox.queue import claims
from alertadmin.registry.clouds import clouds, servers
from alertadmin.registry.models import Consent, Contact, Credential, Mailbox, Tenant
from alertadmin.registry.permissions import Permission, TransportName
from alertadmin.registry.safe_names import clean
from alertadmin.reminders import policies
from alertadmin.reminders.models import Policy, Recipient

MAX_NAMED = 20
BEGIN = "-----BEGIN CERTIFICATE-----"
FIRST_EXPIRY, LAST_EXPIRY = datetime(1990, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
EXPIRY_TEXT = gettext_lazy("“%(name)s” expires at a time that cannot be right. Correct its expiry date.")
CERTIFICATE_TEXT = gettext_lazy("“%(name)s” has a certificate that cannot be read. Add another one.")
ADDRESS_TEXT = gettext_lazy("“%(name)s” has an address that no mail can be sent to. Correct it.")


@dataclass(frozen=True)
class OddRow:
    text: str
    """In the active language: which row, what is done in its place, and what to do."""
    url: str


@dataclass(frozen=True)
class ColumnCheck:
    """`known` gives the values of the column that can be used."""

    rows: Callable[[], QuerySet[Any]]
    column: str
    known: Callable[[], Iterable[object]]
    text: str | Promise

    def odd(self) -> QuerySet[Any]:
        used = self.rows().order_by().values_list(self.column, flat=True).distinct()
        unknown = set(used) - {*self.known(), None}
        return self.rows().filter(**{f"{self.column}__in": unknown}) if unknown else self.rows().none()


CHECKS = (
    ColumnCheck(
        Tenant.objects.all,
        "time_zone",
        time_zones.names,
        gettext_lazy(
            "The time zone of the tenant “%(name)s” is not known to this machine: UTC is used. Choose another."
        ),
    ),
    ColumnCheck(
        User.objects.all,
        "time_zone",
        time_zones.names,
        gettext_lazy("The time zone of the user “%(name)s” is not known to this machine: UTC is used. Choose another."),
    ),
    ColumnCheck(
        Tenant.objects.all,
        "language",
        languages.supported_codes,
        gettext_lazy(
            "The language of the tenant “%(name)s” is not known to this version: the installation’s is used. Choose "
            "another."
        ),
    ),
    ColumnCheck(
        User.objects.all,
        "language",
        languages.supported_codes,
        gettext_lazy(
            "The language of the user “%(name)s” is not known to this version: the installation’s is used. Choose "
            "another."
        ),
    ),
    ColumnCheck(
        Tenant.objects.all,
        "cloud",
        clouds,
        gettext_lazy(
            "The cloud of the tenant “%(name)s” is not in ALERTADMIN_CLOUDS_FILE: nothing is sent or checked there. "
            "Restore its entry, or choose another cloud."
        ),
    ),
    ColumnCheck(
        Mailbox.objects.exclude(server="").all,
        "server",
        servers,
        gettext_lazy(
            "The Exchange server of the mailbox “%(name)s” is not in ALERTADMIN_CLOUDS_FILE: it cannot send. Restore "
            "the entry, or choose another server."
        ),
    ),
    ColumnCheck(
        Mailbox.objects.all,
        "transport",
        lambda: TransportName.values,
        gettext_lazy(
            "This version does not know how the mailbox “%(name)s” sends: it is not used. Choose how it sends."
        ),
    ),
    ColumnCheck(
        Recipient.objects.all,
        "line",
        lambda: Level.values,
        gettext_lazy(
            "It is not known when the recipient “%(name)s” is notified: it is notified of nothing. Remove it, and add "
            "it again."
        ),
    ),
    ColumnCheck(
        Consent.objects.select_related("app").all,
        "permission",
        lambda: Permission.values,
        gettext_lazy("“%(name)s” is of a permission that this version does not know: it is not checked."),
    ),
    ColumnCheck(
        claims.open_deliveries,
        "purpose",
        lambda: Purpose.values,
        gettext_lazy("“%(name)s” is a mail that this version cannot compose: it waits for a version that can."),
    ),
)


def odd_rows() -> list[OddRow]:
    """At most MAX_NAMED."""
    return list(islice(_found(), MAX_NAMED))


def _found() -> Iterator[OddRow]:
    for check in CHECKS:
        for row in check.odd()[:MAX_NAMED]:
            yield _described(row, check.text)
    for credential in Credential.objects.watched().filter(_impossible_expiry())[:MAX_NAMED]:
        yield _described(credential, EXPIRY_TEXT)
    no_certificate = ~Q(certificate="") & ~Q(certificate__contains=BEGIN)
    for credential in Credential.objects.watched().filter(no_certificate)[:MAX_NAMED]:
        yield _described(credential, CERTIFICATE_TEXT)
    for model in (Contact, Recipient, Mailbox):
        column = "address" if model is Mailbox else "email"
        for row in model._default_manager.exclude(**{f"{column}__contains": "@"})[:MAX_NAMED]:
            yield _described(row, ADDRESS_TEXT)
    yield from _policies()


def _impossible_expiry() -> Q:
    return Q(expires_at__lt=FIRST_EXPIRY) | Q(expires_at__gt=LAST_EXPIRY)


def _policies() -> Iterator[OddRow]:
    plan = _(
        "The schedule of the reminder policy of “%(name)s” cannot be read: the next scope’s is used. Set it again."
    )
    times = _(
        "The times of the reminder policy of “%(name)s” cannot be read: the next scope’s are used. Set them again."
    )
    for policy in Policy.objects.select_related("tenant", "app"):
        if policy.plan and policies.parsed(policy.plan) is None:
            yield _described(policy, plan)
        if policy.has_timing and not policies.has_usable_timing(policy):
            yield _described(policy, times)


def _described(row: Model, text: str | Promise) -> OddRow:
    return OddRow(str(text) % {"name": clean(str(row))}, _page(row))


def _page(row: Any) -> str:
    """Where it can be corrected."""
    if isinstance(row, Consent):
        return reverse("consent-ask", args=[row.pk])
    if isinstance(row, Delivery):
        return reverse("delivery", args=[row.pk])
    if isinstance(row, Recipient | Policy):
        kind = "app" if row.app_id else "tenant"
        key = row.app_id or row.tenant_id
        return reverse(f"{kind}-policy", args=[key]) if key else reverse("policies")
    if isinstance(row, Contact):
        return row.tenant.get_absolute_url()
    url: str = row.get_absolute_url()
    return url
