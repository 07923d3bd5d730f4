"""One row an app and tenant, with its permissions as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from alertadmin.accounts.access import access_of
from alertadmin.dashboard.consents.forms import Requests
from alertadmin.dashboard.lists.facts import WORST_FIRST
from alertadmin.dashboard.ui.tables import Column, Filter, Page, Table
from alertadmin.registry.models import Consent, ConsentStatus
from alertadmin.registry.permissions import Permission

MISSING, NOT_GRANTED = "missing", (ConsentStatus.NOT_IN_TOKEN, ConsentStatus.ERROR)
MISSING_LABEL = gettext_lazy("Not in token, or error")


@dataclass(frozen=True)
class Pair:
    """What the row of an app and tenant shows."""

    consents: dict[str, Consent]
    """By permission."""
    worst: Consent
    asked_at: datetime | None
    """Time of the last unanswered request for the worst."""
    checked_at: datetime | None
    """The oldest check among them; None if one was never checked."""


def _of_pair() -> QuerySet[Consent]:
    return Consent.objects.filter(app=OuterRef("app"), tenant=OuterRef("tenant")).order_by()


def _has_status(chosen: str) -> Q:
    if chosen == ConsentStatus.GRANTED:
        return ~Q(Exists(_of_pair().exclude(status=ConsentStatus.GRANTED)))
    return Q(Exists(_of_pair().filter(status__in=NOT_GRANTED if chosen == MISSING else [chosen])))


TABLE = Table(
    name="consents",
    columns=(
        Column(gettext_lazy("Tenant"), "tenant__name", ("tenant_id", "app__name", "app_id")),
        Column(gettext_lazy("App registration"), "app__name", ("app_id",), is_fixed=True),
        Column(gettext_lazy("Checked"), key="checked"),
        Column(gettext_lazy("Action"), is_hidden=True),
    ),
    search=("tenant__name", "app__name"),
    filters={
        "status": Filter(
            gettext_lazy("Consent"),
            [
                (MISSING, MISSING_LABEL),
                (ConsentStatus.NOT_IN_TOKEN, ConsentStatus.NOT_IN_TOKEN.label),
                (ConsentStatus.ERROR, ConsentStatus.ERROR.label),
                (ConsentStatus.UNKNOWN, ConsentStatus.UNKNOWN.label),
                (ConsentStatus.GRANTED, gettext_lazy("All granted")),
            ],
            _has_status,
        ),
        "permission": Filter(
            gettext_lazy("Permission"),
            Permission.choices,
            lambda chosen: Q(Exists(_of_pair().filter(permission=chosen))),
        ),
    },
    default="tenant__name",
)


def first_of_each_pair(consents: QuerySet[Consent]) -> QuerySet[Consent]:
    """The consent of each app and tenant whose permission comes first; it stands for the pair in the page's order."""
    return consents.exclude(Exists(_of_pair().filter(permission__lt=OuterRef("permission"))))


def pairs_page(request: HttpRequest) -> Page:
    """The page of pairs, with `pair` of each row and a column for each permission among them."""
    visible = access_of(request).visible(Consent)
    page = TABLE.page(request, first_of_each_pair(visible.select_related("tenant", "app")))
    of_page = visible.filter(app__in={row.app_id for row in page.rows}, tenant__in={row.tenant_id for row in page.rows})
    together: dict[tuple[UUID, UUID], list[Consent]] = {}
    for consent in of_page.order_by("permission").defer("technical"):
        together.setdefault((consent.app_id, consent.tenant_id), []).append(consent)
    asked = Requests.about(page.rows)
    permissions: set[str] = set()
    for row in page.rows:
        row.pair = _pair(together.get((row.app_id, row.tenant_id), [row]), asked)
        permissions |= set(row.pair.consents)
    order = [value for value in Permission.values if value in permissions]
    shown = [*order, *sorted(permissions - set(order))]
    for row in page.rows:
        row.cells = [(permission, row.pair.consents.get(permission)) for permission in shown]
    ahead = [column for column in page.columns if column.name not in ("checked", "actions")]
    behind = [column for column in page.columns if column not in ahead]
    page.columns = [*ahead, *(Column(one, key=one) for one in shown), *behind]
    return page


def _pair(consents: Sequence[Consent], asked: Requests) -> Pair:
    worst = min(consents, key=lambda one: _urgency(one.status))
    times = [one.checked_at for one in consents]
    oldest = None if None in times else min(time for time in times if time is not None)
    return Pair({one.permission: one for one in consents}, worst, asked.since(worst), oldest)


def _urgency(status: str) -> int:
    """Position among the statuses; one of another version comes last but granted."""
    return WORST_FIRST.index(ConsentStatus(status)) if status in WORST_FIRST else len(WORST_FIRST) - 1
