"""A tenant's mailboxes that may carry its own mail, in the order in which to try them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Subquery, Value, When

from alertadmin.outbox.delivery.route_policy import ALLOWED_BY_OWN_TENANT
from alertadmin.outbox.models import Attempt, AttemptOutcome, about_tenants
from alertadmin.registry.models import Credential, Mailbox, Tenant
from alertadmin.registry.models.mailbox import of_the_installation
from alertadmin.registry.permissions import TransportName

MAX_MAILBOXES = 5
"""Mailboxes tried for one mail: enough to bypass a broken app, few enough not to delay other mail."""
MAX_CANDIDATES = 200
"""Mailboxes from which those are chosen."""
FAILED = (AttemptOutcome.REFUSED, AttemptOutcome.UNKNOWN, AttemptOutcome.LOST)


def sendable() -> QuerySet[Mailbox]:
    """Mailboxes that have a stored secret, password or refresh token, and send by what this version knows."""
    by_login = Q(app=None, password__isnull=False)
    by_sign_in = Q(is_personal=True, refresh_token__isnull=False)
    by_app = Q(Exists(_stored()), is_personal=False)
    return Mailbox.objects.filter(by_login | by_sign_in | by_app, transport__in=TransportName.values)


def tenants_without_mailbox() -> int:
    """Number of tenants without a sendable mailbox."""
    return Tenant.objects.exclude(pk__in=sendable().order_by().values("tenant")).count()


def mailboxes_of(tenant: UUID, now: datetime) -> list[Mailbox]:
    """Up to MAX_MAILBOXES mailboxes, of different apps as far as possible.

    Last come those whose credential has expired (as far as is known), whose latest attempt failed, or for which
    Exchange Online may have disabled EWS: each run tries others, until one sends.
    """
    latest = Attempt.objects.filter(mailbox=OuterRef("pk")).order_by("-started_at").values("outcome")[:1]
    found = (
        sendable()
        .filter(tenant=tenant)
        .select_related("app__tenant", "tenant")
        .prefetch_related("app__credentials")
        .annotate(latest=Subquery(latest), lasts=Exists(_stored().filter(expires_at__gt=now)))
        .order_by(
            _last(Q(lasts=False, server="", is_personal=False) | Q(is_personal=True, sign_in_ends_at__lte=now)),
            _last(Q(latest__in=FAILED)),
            _last(Q(transport=TransportName.EWS, server="")),
            "address",
            "pk",
        )
    )
    return _spread(list(found[:MAX_CANDIDATES]))[:MAX_MAILBOXES]


def still_valid(mailboxes: Sequence[Mailbox], installation: UUID | None) -> set[UUID]:
    """Ids of mailboxes that still belong to the same tenant; `installation`, if it is still the installation's.

    A run lasts as long as there is something to send, and meanwhile an owner may choose another mailbox because this
    one is compromised.
    """
    stored = Mailbox.objects.filter(pk__in=[mailbox.pk for mailbox in mailboxes])
    if any(mailbox.pk == installation for mailbox in mailboxes):
        stored = stored.filter(
            ~Q(pk=installation) | Q(pk__in=Mailbox.objects.filter(of_the_installation()).values("pk"))
        )
    tenants = dict(stored.order_by().values_list("pk", "tenant"))
    return {mailbox.pk for mailbox in mailboxes if tenants.get(mailbox.pk) == mailbox.tenant_id}


def deliverable_by_own_mailbox(installation: UUID | None) -> Q:
    """Filter of deliveries about a tenant that has a mailbox other than the installation's. `route_policy` may
    still refuse some of them."""
    senders = sendable().exclude(pk=installation) if installation else sendable()
    return Q(purpose__in=ALLOWED_BY_OWN_TENANT) & about_tenants(senders.order_by().values("tenant"))


def _stored() -> QuerySet[Credential]:
    return Credential.objects.usable().filter(app=OuterRef("app"), value__isnull=False)


def _last(doubtful: Q) -> Case:
    """Sort matching rows last."""
    return Case(When(doubtful, then=Value(1)), default=Value(0))


def _spread(mailboxes: list[Mailbox]) -> list[Mailbox]:
    """The first mailbox of each app or server, then the second of each, and so on: mailboxes of
    one app or server fail together."""
    seen: Counter[tuple[UUID | None, str]] = Counter()
    turns = []
    for mailbox in mailboxes:
        source = (mailbox.app_id, mailbox.server)
        turns.append(seen[source])
        seen[source] += 1
    # Sorting is stable: the order within a round is kept.
    return [mailbox for _turn, mailbox in sorted(zip(turns, mailboxes, strict=True), key=lambda pair: pair[0])]
