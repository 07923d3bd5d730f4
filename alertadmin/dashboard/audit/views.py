from __future__ import annotations

import dataclasses
from datetime import timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy

from alertadmin import audit
from alertadmin.accounts.access import Access, access_of
from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.reauthentication import recently_confirmed
from alertadmin.accounts.roles import Right
from alertadmin.audit import AuditAction, AuditEntry, Result
from alertadmin.dashboard.audit.entry_text import as_known, entry_text_of
from alertadmin.dashboard.audit.export import AT_ONCE, FORMATS
from alertadmin.dashboard.ui.tables import Column, Filter, Table

DAYS = {"1": 1, "7": 7, "30": 30, "90": 90, "365": 365}
LISTING = Table(
    name="audit",
    columns=(
        Column(gettext_lazy("When"), "number"),
        Column(gettext_lazy("Who"), key="who"),
        Column(gettext_lazy("Action"), key="action", is_fixed=True),
        Column(gettext_lazy("Target"), key="target"),
        Column(gettext_lazy("Result"), key="result"),
    ),
    search=("who", "label", "object_id", "address"),
    filters={
        "act": (gettext_lazy("Action"), AuditAction.choices),
        "result": (gettext_lazy("Result"), Result.choices),
        "days": Filter(
            gettext_lazy("When"),
            [
                ("1", gettext_lazy("in the last 24 hours")),
                ("7", gettext_lazy("in the last 7 days")),
                ("30", gettext_lazy("in the last 30 days")),
                ("90", gettext_lazy("in the last 90 days")),
                ("365", gettext_lazy("in the last year")),
            ],
            lambda chosen: Q(at__gt=timezone.now() - timedelta(days=DAYS[chosen])),
        ),
    },
    default="-number",
)


OF_ONE_TENANT = dataclasses.replace(LISTING, search=("label", "object_id"))
"""For viewers of single tenants: user and address are not searchable, since the trail hides them."""


def _listing(access: Access) -> Table:
    return LISTING if access.in_all_tenants() else OF_ONE_TENANT


def _entries(request: HttpRequest) -> QuerySet[AuditEntry]:
    """Entries of the tenants whose trail the user may read; all entries for a user with that right in all tenants."""
    return access_of(request).visible(AuditEntry, Right.AUDIT)


@require_right(Right.AUDIT)
def trail(request: HttpRequest) -> HttpResponse:
    access = access_of(request)
    page = _listing(access).page(request, _entries(request))
    context = {
        "page": page,
        "lines": [entry_text_of(as_known(entry, access)) for entry in page.rows],
        "head": audit.head() if access.in_all_tenants(Right.AUDIT) else None,
        "formats": FORMATS,
    }
    return render(request, "audit/list.html", context)


@require_right(Right.AUDIT)
@recently_confirmed("POST")
def trail_export(request: HttpRequest) -> HttpResponseBase:
    """Export everything that the page shows with the same search and filters, oldest first; the export is audited."""
    form = FORMATS.get(request.POST.get("format", ""))
    if form is None:
        return redirect("audit")
    access = access_of(request)
    entries = _listing(access).filter(request.GET, _entries(request)).order_by("number")
    with transaction.atomic():
        entry = audit.record(AuditAction.EXPORT_DONE, format=form.name, filter=request.GET.urlencode()[:300])
    before = entries.filter(number__lt=entry.number)
    answer = StreamingHttpResponse(
        form.pieces(as_known(one, access) for one in before.iterator(chunk_size=AT_ONCE)),
        content_type=form.content_type,
    )
    answer.headers["Content-Disposition"] = f'attachment; filename="audit-to-{entry.number}.{form.name}"'
    return answer
