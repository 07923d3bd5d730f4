"""The import assistant: a file, what its columns mean, what its rows would do, and the import."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import datetime
from functools import partial, wraps
from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from alertadmin.accounts.access import access_of
from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.models import User
from alertadmin.accounts.roles import Right
from alertadmin.crypto.keyring import KeyringError, Unreadable
from alertadmin.dashboard.audit.export import cell
from alertadmin.dashboard.csv_import.columns import EXPLAINED, LABELS
from alertadmin.dashboard.csv_import.forms import ColumnsForm, ImportFileForm
from alertadmin.dashboard.ui.decorators import post_only
from alertadmin.outbox.queue import wakeup
from alertadmin.registry.csv_import import COLUMNS, NotImported, Remark, import_steps
from alertadmin.registry.csv_import.refused_rows import refused_rows
from alertadmin.registry.models import ImportStatus, PendingImport
from alertadmin.stored_messages import render_error, render_stored

TASK = "alertadmin.registry.tasks.continue_imports"
MAX_REFUSED_SHOWN = 100
Step = Callable[[HttpRequest, PendingImport], HttpResponse]


def _with_file(step: Step) -> Callable[[HttpRequest, UUID], HttpResponse]:
    """Pass the user's own file to a step; one that has expired is said, that of another user does not exist."""

    @wraps(step)
    def wrapped(request: HttpRequest, pk: UUID) -> HttpResponse:
        found = import_steps.find(pk, cast("User", request.user), timezone.now())
        if found is None:
            raise Http404
        try:
            return step(request, found)
        except Unreadable as error:
            messages.error(request, render_error(error))
            return redirect("import")

    return wrapped


@require_right(Right.CHANGE, in_all_tenants=True)
def importing(request: HttpRequest) -> HttpResponse:
    form = ImportFileForm(request.POST, request.FILES) if request.method == "POST" else ImportFileForm()
    mistakes: list[Remark] = []
    if request.method == "POST" and form.is_valid():
        try:
            kept = import_steps.keep(form.content(), cast("User", request.user), timezone.now())
            return redirect("import-columns", kept.pk)
        except NotImported as error:
            mistakes = error.mistakes
        except KeyringError as error:
            form.add_error(None, render_error(error))
    context = {"form": form, "mistakes": mistakes, "columns": EXPLAINED}
    return render(request, "csv_import/import.html", context, status=422 if mistakes or form.errors else 200)


@require_right(Right.CHANGE, in_all_tenants=True)
@_with_file
def columns(request: HttpRequest, kept: PendingImport) -> HttpResponse:
    if kept.is_running() or kept.content is None:
        return redirect("import-preview", kept.pk)
    raw = import_steps.raw_table(kept)
    zone = cast("User", request.user).time_zone or "UTC"
    data = request.POST if request.method == "POST" else None
    form = ColumnsForm(raw, access_of(request), zone, data, initial=_chosen_before(kept))
    if request.method == "POST" and form.is_valid():
        return _started(request, kept, partial(import_steps.check, kept, form.answers()))
    failure = render_stored(kept.answers.get("failure", ""))
    context = {"form": form, "kept": kept, "remarks": raw.remarks, "failure": failure}
    return render(request, "csv_import/columns.html", context, status=422 if form.errors else 200)


def _chosen_before(kept: PendingImport) -> dict[str, str]:
    """What the user chose, when the step is opened again."""
    chosen = {name: value for name, value in kept.answers.items() if isinstance(value, str) and value}
    return chosen | {f"column-{index}": name for index, name in enumerate(kept.answers.get("columns", []))}


def _started(request: HttpRequest, kept: PendingImport, start: Callable[[datetime], bool]) -> HttpResponse:
    """Start a step and show it; one that another window has outrun is said."""
    try:
        if start(timezone.now()):
            wakeup.notify_worker(TASK)
    except import_steps.ImportChanged:
        messages.warning(request, _("This import was changed in another window meanwhile. Look at it again."))
    return redirect("import-preview", kept.pk)


@require_right(Right.CHANGE, in_all_tenants=True)
@_with_file
def preview(request: HttpRequest, kept: PendingImport) -> HttpResponse:
    """What the rows would do, or did; by POST they are imported."""
    if request.method == "POST":
        revision, all_or_nothing = request.POST.get("revision", ""), bool(request.POST.get("all_or_nothing"))
        start = partial(import_steps.import_checked, kept, revision, all_or_nothing=all_or_nothing)
        return _started(request, kept, start)
    if kept.status == ImportStatus.DRAFT:
        return redirect("import-columns", kept.pk)
    report = {} if kept.is_running() else import_steps.load_report(kept)
    context = _context(kept, report)
    if request.headers.get("HX-Target") == "job":
        return render(request, "csv_import/job.html", context)
    return render(request, "csv_import/preview.html", context)


def _context(kept: PendingImport, report: dict[str, Any]) -> dict[str, Any]:
    refused = import_steps.remarks_of(report, "refused")
    effects = report.get("effects", {})
    shown = report.get("shown", {})
    kinds = (("added", _("Added")), ("changed", _("Changed")), ("unchanged", _("Unchanged")))
    return {
        "kept": kept,
        "failure": render_stored(kept.answers.get("failure", "")),
        "is_again": kept.answers.get("attempts", 0) > 1,
        "revision": import_steps.revision_of(kept),
        "report": report,
        "is_done": kept.status == ImportStatus.DONE,
        "refused": refused[:MAX_REFUSED_SHOWN],
        "refused_rows": len({one.line for one in refused}),
        "good_rows": sum(effects.values()),
        "remarks": import_steps.remarks_of(report, "remarks"),
        "kinds": [
            {"slug": slug, "label": label, "count": effects.get(slug, 0), "rows": _dated(shown.get(slug, []))}
            for slug, label in kinds
        ],
        "labels": LABELS,
    }


def _dated(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """With the expiry date as a moment, to be worded."""
    return [
        {**row, "expires_at": datetime.fromisoformat(row["expires_at"]) if row["expires_at"] else None} for row in rows
    ]


@require_right(Right.CHANGE, in_all_tenants=True)
@_with_file
def refused(request: HttpRequest, kept: PendingImport) -> HttpResponse:
    """Download the refused rows with their reasons, without secret values."""
    if kept.content is None or kept.report is None:
        raise Http404
    found = import_steps.remarks_of(import_steps.load_report(kept), "refused")
    text = io.StringIO()
    writer = csv.writer(text, delimiter=_separator())
    for row in refused_rows(import_steps.mapped_table(kept), found):
        writer.writerow(map(cell, row))
    return _as_csv(text.getvalue(), "refused-rows.csv")


@require_right(Right.CHANGE, in_all_tenants=True)
@post_only(back="import-preview")
@_with_file
def stop(request: HttpRequest, kept: PendingImport) -> HttpResponse:
    """Delete the file, and stop the work on it."""
    import_steps.stop(kept)
    messages.success(request, _("The uploaded file was deleted."))
    return redirect("import")


@require_right(Right.CHANGE, in_all_tenants=True)
def template(request: HttpRequest) -> HttpResponse:
    """Download the header row with a byte order mark, separated as spreadsheets of this language expect."""
    text = io.StringIO()
    csv.writer(text, delimiter=_separator()).writerow(COLUMNS)
    return _as_csv(text.getvalue(), "registrations.csv")


def _separator() -> str:
    return ";" if (get_language() or "").startswith("fr") else ","


def _as_csv(text: str, name: str) -> HttpResponse:
    response = HttpResponse(f"\ufeff{text}", content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
