"""Deletion with a confirmation page that names the row and counts the cascade."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import messages
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from alertadmin import audit
from alertadmin.audit import AuditAction, AuditTarget

DELETED = {
    "registry.tenant": AuditAction.TENANT_DELETED,
    "registry.appregistration": AuditAction.APP_DELETED,
    "registry.credential": AuditAction.CREDENTIAL_DELETED,
    "registry.mailbox": AuditAction.MAILBOX_DELETED,
}
"""Audit action by model."""


def confirm_delete(
    request: HttpRequest, thing: Model, *, consequence: str, back_to: str, cascade: Sequence[str] = ()
) -> HttpResponse:
    """Confirm and delete. `consequence`: a sentence; `cascade`: lines of `cascade_summary`."""
    if request.method == "POST":
        deleted = AuditTarget.of(thing)
        with transaction.atomic():
            _all, rows = thing.delete()
            audit.record(DELETED[deleted.kind], deleted, deleted_with=_others(rows, deleted.kind))
        messages.success(request, _("“%(name)s” is deleted.") % {"name": deleted.label})
        return redirect(back_to)
    return render(
        request, "partials/confirm_delete.html", {"thing": thing, "consequence": consequence, "cascade": cascade}
    )


def _others(rows: dict[str, int], kind: str) -> dict[str, int]:
    """Number of cascaded rows by model."""
    return {label: count for label, count in rows.items() if count and label.lower() != kind}
