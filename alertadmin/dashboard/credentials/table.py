"""Table of credentials with its filters."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.db.models import Q
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from alertadmin.dashboard.overview.timeline import months, span
from alertadmin.dashboard.ui.tables import Column, Filter, Table
from alertadmin.registry.models import CredentialState

COLUMNS = (
    Column(gettext_lazy("Expires"), "expires_at"),
    Column(gettext_lazy("Description"), "description", is_fixed=True),
    Column(gettext_lazy("App registration"), "app__name", ("app__client_id", "app_id")),
    Column(gettext_lazy("Tenant"), "app__tenant__name", ("app__tenant_id",)),
    Column(gettext_lazy("Status"), key="state"),
)
DAYS = (7, 30, 60, 90)
WATCHED = "watched"


def credentials_table(now: datetime) -> Table:
    """Build the table; its month filter starts with the current month."""
    return Table(
        name="credentials",
        columns=COLUMNS,
        search=("description", "app__name", "app__tenant__name", "app__client_id", "key_id"),
        filters={
            "ends": Filter(gettext_lazy("Expires"), expiry_choices(now), lambda chosen: expiry_condition(chosen, now)),
            "state": Filter(
                gettext_lazy("Status"),
                [(WATCHED, _("Monitored: all but the superseded")), *CredentialState.choices],
                _state,
            ),
        },
        default="expires_at",
    )


def expiry_choices(now: datetime) -> list[tuple[str, str]]:
    within = [(str(days), ngettext("within %d day", "within %d days", days) % days) for days in DAYS]
    return [("expired", _("expired")), *within] + [(f"{m:%Y-%m}", date_format(m, "F Y")) for m in months(now)]


def expiry_condition(chosen: str, now: datetime) -> Q:
    """Expiry filter. A month is read in the viewer's time zone, the current one without its past days; a number of
    days counts from now."""
    if chosen == "expired":
        return Q(expires_at__lte=now)
    if chosen.isdigit():
        return Q(expires_at__lte=now + timedelta(days=int(chosen)))
    first, beyond = span(date.fromisoformat(f"{chosen}-01"))
    return Q(expires_at__gt=now, expires_at__gte=first, expires_at__lt=beyond)


def _state(chosen: str) -> Q:
    if chosen == WATCHED:
        return ~Q(state=CredentialState.RETIRED)
    return Q(state=chosen)
