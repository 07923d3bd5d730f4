from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponseBase, QueryDict, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from alertadmin import audit
from alertadmin.accounts.access import access_of
from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.roles import Right
from alertadmin.audit import AuditAction
from alertadmin.dashboard.export.lists import LISTS
from alertadmin.dashboard.export.writers import FORMATS, ExportSheet

LONGEST_FILTER = 300
"""Characters of it in the audit trail."""


@require_right(Right.LOOK)
def export(request: HttpRequest) -> HttpResponseBase:
    """POST parameters: `list`, its name; `format`; `query`, the list's query string with search, filters and sort."""
    name, form = request.POST.get("list", ""), FORMATS.get(request.POST.get("format", ""))
    found = LISTS.get(name)
    if found is None or form is None:
        return redirect(name if found else "overview")
    query, access, now = QueryDict(request.POST.get("query", "")[:2000]), access_of(request), timezone.now()
    rows = found.matching(query, access.visible(found.rows(), found.right), now)
    with transaction.atomic():
        audit.record(
            AuditAction.EXPORT_DONE, kind=name, format=form.name, filter=query.urlencode()[:LONGEST_FILTER], now=now
        )
    sheet = ExportSheet(name, [str(one) for one in found.header], found.write(rows, access))
    answer: Any = StreamingHttpResponse(form.write(sheet), content_type=form.content_type)
    day = timezone.localdate(now)
    answer.headers["Content-Disposition"] = f'attachment; filename="alertadmin-{name}-{day:%Y-%m-%d}.{form.name}"'
    return answer  # type: ignore[no-any-return]
