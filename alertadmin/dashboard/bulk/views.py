from __future__ import annotations

from datetime import datetime
from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alertadmin.accounts.access import access_of
from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.models import User
from alertadmin.accounts.reauthentication import is_recent, request_confirmation
from alertadmin.accounts.roles import Right
from alertadmin.bulk import jobs
from alertadmin.bulk.actions import find_action
from alertadmin.bulk.models import BulkJob, RowState
from alertadmin.dashboard.bulk.forms import FORMS, ActionForm
from alertadmin.dashboard.bulk.lists import LISTS
from alertadmin.dashboard.ui.decorators import post_only
from alertadmin.dashboard.ui.tables import Column, Filter, Table
from alertadmin.outbox.queue import wakeup

SHOWN = 20
"""Names shown before the job starts."""
ROWS = Table(
    name="bulk-job",
    columns=(
        Column(gettext_lazy("Row"), "id"),
        Column(gettext_lazy("Status")),
        Column(gettext_lazy("Result")),
    ),
    search=("label",),
    filters={"state": (gettext_lazy("Status"), RowState.choices)},
    default="id",
)

LISTING = Table(
    name="bulk-jobs",
    columns=(
        Column(gettext_lazy("Started"), "created_at"),
        Column(gettext_lazy("Action")),
        Column(gettext_lazy("Status")),
    ),
    search=("action",),
    filters={
        "is": Filter(
            gettext_lazy("Status"),
            [("running", gettext_lazy("running")), ("finished", gettext_lazy("finished"))],
            lambda chosen: Q(finished_at__isnull=chosen == "running"),
        )
    },
    default="-created_at",
)


@require_right(Right.LOOK, posting=Right.OPERATE)
def select(request: HttpRequest) -> HttpResponse:
    """Keep the selected rows of a list, and show what the chosen action will do.

    POST parameters: `list`, its name; `action`; `row`, ids; `all`, for everything that the list's `query` matches.
    """
    list_name = request.POST.get("list", "")
    found = LISTS.get(list_name)
    if found is None:
        return redirect("bulk-jobs")
    query = QueryDict(request.POST.get("query", "")[:2000])
    back = f"{reverse(list_name)}?{query.urlencode()}" if query else reverse(list_name)
    access, now = access_of(request), timezone.now()
    action = find_action(request.POST.get("action", ""))
    if action is None or action.name not in found.actions:
        messages.warning(request, _("Choose what to do with the selected rows."))
        return redirect(back)
    keys = None if request.POST.get("all") else _ids(request.POST.getlist("row"))
    if keys == []:
        messages.warning(request, _("Select at least one row, or all that match."))
        return redirect(back)
    selected = found.selected(access, query, keys, now)
    allowed = access.visible(selected.model, action.right)
    changeable = selected.filter(pk__in=allowed.order_by().values("pk"))
    try:
        job = jobs.draft(
            cast("User", request.user),
            action,
            action.targets(access, changeable),
            list_name=list_name,
            list_query=query.urlencode(),
            left_out=selected.count() - changeable.count(),
            now=now,
        )
    except jobs.TooManyRows:
        text = _("These are too many rows at once: at most %(count)d. Filter the list first.")
        messages.warning(request, text % {"count": jobs.MAX_ROWS})
        return redirect(back)
    return redirect(job)


def _ids(texts: list[str]) -> list[str]:
    """Valid ids, each once."""
    found = {}
    for text in texts:
        try:
            found[str(UUID(text))] = True
        except ValueError:
            continue
    return list(found)


def _own(request: HttpRequest, pk: UUID) -> BulkJob:
    """The user's own job; that of another user does not exist."""
    return get_object_or_404(BulkJob.objects.select_related("user"), pk=pk, user=request.user)


@require_right(Right.LOOK, posting=Right.OPERATE)
def job(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = _own(request, pk)
    action = find_action(found.action)
    if action is None:
        raise Http404
    if found.is_draft:
        return _confirm(request, found)
    context = _progress(found, timezone.now())
    if request.headers.get("HX-Target") == "job":
        return render(request, "bulk/progress.html", context)
    return render(request, "bulk/job.html", {**context, "page": ROWS.page(request, found.rows.all())})


def _confirm(request: HttpRequest, found: BulkJob) -> HttpResponse:
    """What the action needs, and what it will work on; POST starts it."""
    action: Any = find_action(found.action)
    user = cast("User", request.user)
    is_answer = request.method == "POST"
    if is_answer and action.is_sensitive and not is_recent(request):
        asked = request_confirmation(request)
        if asked is not None:
            return asked
    form = FORMS.get(action.name, ActionForm)(request.POST if is_answer else None, access=access_of(request), user=user)
    if is_answer and form.is_valid():
        if jobs.start(found, form.parameters(), timezone.now()):
            wakeup.notify_worker(jobs.TASK)
        return redirect(found)
    rows = found.rows.all()
    count = rows.count()
    context = {
        "job": found,
        "action": action,
        "form": form,
        "rows": rows[:SHOWN],
        "count": count,
        "more": max(0, count - SHOWN),
    }
    return render(request, "bulk/confirm.html", context, status=422 if form.errors else 200)


def _progress(found: BulkJob, now: datetime) -> dict[str, Any]:
    counted = jobs.counts(found)
    total = sum(counted.values())
    waiting = counted[RowState.WAITING]
    return {
        "job": found,
        "action": find_action(found.action),
        "total": total,
        "done": total - waiting,
        "counts": [(state, state.label, counted[state]) for state in RowState if counted[state]],
        "can_try_again": bool(counted[RowState.FAILED] + counted[RowState.SKIPPED] + waiting),
        "next_at": jobs.next_at(found) if found.is_running and waiting else None,
    }


@require_right(Right.LOOK, posting=Right.OPERATE)
@post_only(back="bulk-job")
def stop(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = _own(request, pk)
    if found.is_draft:
        url = found.list_url
        found.delete()
        return redirect(url)
    jobs.stop(found, timezone.now())
    return redirect(found)


@require_right(Right.LOOK, posting=Right.OPERATE)
@post_only(back="bulk-job")
def try_again(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = _own(request, pk)
    action = find_action(found.action)
    if action is not None and action.is_sensitive and not is_recent(request):
        asked = request_confirmation(request)
        if asked is not None:
            return asked
    if jobs.try_again(found, timezone.now()):
        wakeup.notify_worker(jobs.TASK)
    return redirect(found)


@require_right(Right.LOOK)
def job_list(request: HttpRequest) -> HttpResponse:
    page = LISTING.page(request, BulkJob.objects.filter(user=cast("User", request.user), started_at__isnull=False))
    return render(request, "bulk/list.html", {"page": page})
