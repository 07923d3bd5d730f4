"""What the lists of tenants, apps and mailboxes tell about each row of a page: a few queries for all its rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Aggregate, Count, DateTimeField, F, Max, Min, Q, QuerySet, TextField, Value

from alertadmin.accounts.access import Access
from alertadmin.dashboard.ui.badges import AMBER_DAYS
from alertadmin.outbox.delivery import route_health
from alertadmin.outbox.models import Delivery, DeliveryState, Purpose
from alertadmin.registry.models import (
    AppRegistration,
    Consent,
    ConsentStatus,
    Contact,
    Credential,
    CredentialState,
    Mailbox,
    Tenant,
)

SHOWN_OWNERS = 2
WORST_FIRST = (ConsentStatus.NOT_IN_TOKEN, ConsentStatus.ERROR, ConsentStatus.UNKNOWN, ConsentStatus.GRANTED)
"""What is known to be missing comes before what could not be checked, and that before what never was."""


@dataclass(frozen=True)
class ConsentFact:
    """The worst status among several consents, and how many have it."""

    status: ConsentStatus
    count: int
    total: int


@dataclass(frozen=True)
class TestFact:
    """The newest test mail."""

    state: DeliveryState
    at: datetime


@dataclass
class TenantFacts:
    next_expiry: Credential | None = None
    """An unsaved credential with the state and expiry date of the next one to expire; None without any."""
    consent: ConsentFact | None = None
    last_test: TestFact | None = None
    owners: list[str] = field(default_factory=list)
    contacts: list[str] = field(default_factory=list)
    open_actions: int = 0

    @property
    def hidden_count(self) -> int:
        """Owners and contacts that the cell has no room for."""
        return sum(max(len(shown) - SHOWN_OWNERS, 0) for shown in (self.owners, self.contacts))


@dataclass
class AppFacts:
    secret_in_use: Credential | None = None
    """An unsaved credential with the expiry date of the one in use."""
    consent: ConsentFact | None = None


def add_tenant_facts(tenants: Collection[Tenant], access: Access, now: datetime) -> None:
    """Set `facts` of each tenant. One query."""
    found = {tenant.pk: TenantFacts() for tenant in tenants}
    counts: dict[UUID, dict[str, int]] = {}
    parts = _parts([tenant.pk for tenant in tenants], access, now)
    for key, kind, text, number, at in parts[0].union(*parts[1:], all=True):
        facts = found[key]
        if kind == "expiry":
            facts.open_actions += number
            if facts.next_expiry is None or at < facts.next_expiry.expires_at:
                facts.next_expiry = Credential(state=text, expires_at=at)
        elif kind == "action":
            facts.open_actions += number
        elif kind == "consent":
            counts.setdefault(key, {})[text] = number
        elif kind == "test":
            if facts.last_test is None or at > facts.last_test.at:
                facts.last_test = TestFact(DeliveryState(text), at)
        else:
            (facts.owners if kind == "owner" else facts.contacts).append(text)
    for key, facts in found.items():
        facts.consent = _worst(counts.get(key, {}))
        facts.owners.sort()
        facts.contacts.sort()
    for tenant in tenants:
        vars(tenant)["facts"] = found[tenant.pk]


def _parts(keys: Collection[UUID], access: Access, now: datetime) -> list[QuerySet[Any, Any]]:
    """Queries of rows (tenant, kind, text, number, time) for one UNION ALL."""
    # Not `watched()`: databases would read the index of states, and with it the credentials of all tenants.
    credentials = Credential.objects.exclude(state=CredentialState.RETIRED).filter(app__tenant__in=keys)
    soon = Q(expires_at__lte=now + timedelta(days=AMBER_DAYS))
    consents = Consent.objects.filter(tenant__in=keys)
    lacking = consents.filter(status__in=[ConsentStatus.NOT_IN_TOKEN, ConsentStatus.ERROR])
    failing = route_health.failed_mailboxes(Mailbox.objects.filter(tenant__in=keys), now)
    tests = access.visible(Delivery).filter(mailbox__tenant__in=keys, purpose=Purpose.TEST, sends_as="")
    owned = AppRegistration.objects.filter(tenant__in=keys).exclude(owner="")
    urgent = Count("pk", filter=soon)
    return [
        _part(credentials, "app__tenant", "expiry", text="state", number=urgent, at=Min("expires_at")),
        _part(consents, "tenant", "consent", text="status", number=Count("pk")),
        _part(lacking, "tenant", "action", number=Count("app", distinct=True)),
        _part(failing, "tenant", "action", number=Count("pk")),
        _part(tests, "mailbox__tenant", "test", text="state", number=Count("pk"), at=Max("created_at")),
        _part(owned, "tenant", "owner", text="owner", number=Count("pk")),
        _part(Contact.objects.filter(tenant__in=keys), "tenant", "contact", text="email", number=Count("pk")),
    ]


def _part(
    rows: QuerySet[Any], of: str, kind: str, *, number: Aggregate, text: str = "", at: Aggregate | None = None
) -> QuerySet[Any, Any]:
    constant = {"a_kind": Value(kind, TextField()), "a_text": F(text) if text else Value("", TextField())}
    grouped = rows.order_by().annotate(a_of=F(of), **constant).values("a_of", "a_kind", "a_text")
    last = at or Value(None, DateTimeField())
    counted: QuerySet[Any, Any] = grouped.annotate(a_number=number, a_at=last)
    return counted.values_list("a_of", "a_kind", "a_text", "a_number", "a_at")


def add_app_facts(apps: Collection[AppRegistration], access: Access) -> None:
    """Set `facts` of each app, with the consent of the tenants that the user may see. One query."""
    keys = [app.pk for app in apps]
    consents = access.visible(Consent).filter(app__in=keys)
    in_use = Credential.objects.filter(app__in=keys, state=CredentialState.CURRENT)
    parts = [
        _part(consents, "app", "consent", text="status", number=Count("pk")),
        _part(in_use, "app", "expiry", text="state", number=Count("pk"), at=Min("expires_at")),
    ]
    facts = {key: AppFacts() for key in keys}
    counts: dict[UUID, dict[str, int]] = {}
    for key, kind, text, number, at in parts[0].union(*parts[1:], all=True):
        if kind == "expiry":
            facts[key].secret_in_use = Credential(state=text, expires_at=at)
        else:
            counts.setdefault(key, {})[text] = number
    for app in apps:
        facts[app.pk].consent = _worst(counts.get(app.pk, {}))
        vars(app)["facts"] = facts[app.pk]


def add_last_tests(mailboxes: Collection[Mailbox], access: Access) -> None:
    """Set `last_test` of each mailbox."""
    found = _last_tests(access, "mailbox", [mailbox.pk for mailbox in mailboxes])
    for mailbox in mailboxes:
        vars(mailbox)["last_test"] = found.get(mailbox.pk)


def _worst(counts: Mapping[str, int]) -> ConsentFact | None:
    """Of the numbers of consents by status; None if there are none."""
    found = [status for status in WORST_FIRST if counts.get(status)]
    return ConsentFact(found[0], counts[found[0]], sum(counts.values())) if found else None


def _last_tests(access: Access, by: str, keys: Iterable[UUID]) -> dict[UUID, TestFact]:
    tests = access.visible(Delivery).filter(**{f"{by}__in": keys}, purpose=Purpose.TEST, sends_as="").order_by()
    found: dict[UUID, TestFact] = {}
    for key, state, at in tests.values_list(by, "state").annotate(Max("created_at")):
        if key not in found or at > found[key].at:
            found[key] = TestFact(DeliveryState(state), at)
    return found
