"""Consent matrix of one app: permissions by tenant, and a batch check of all of them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import Exists, OuterRef, Prefetch, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy

from alertadmin.accounts.access import access_of
from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.models import User
from alertadmin.accounts.roles import Right
from alertadmin.dashboard.consents.forms import Requests
from alertadmin.dashboard.ui import humanize
from alertadmin.dashboard.ui.decorators import post_only
from alertadmin.dashboard.ui.tables import Column, Filter, Table
from alertadmin.outbox.queue import wakeup
from alertadmin.registry.consent import check_batch
from alertadmin.registry.consent.required_consents import sync_required_consents
from alertadmin.registry.models import AppRegistration, Consent, ConsentCheckBatch, ConsentStatus, Tenant
from alertadmin.registry.models.consent_check_batch import time_left

GO_ON = "alertadmin.registry.tasks.go_on_checking"
MISSING, ERROR, GRANTED = "missing", "error", "granted"


@require_right(Right.LOOK, of=AppRegistration)
def app_consents(request: HttpRequest, pk: UUID) -> HttpResponse:
    app = get_object_or_404(AppRegistration.objects.select_related("tenant"), pk=pk)
    context = {"app": app, **run_of(app, timezone.now()), "stop_url": reverse("app-consents-stop", args=[pk])}
    if request.headers.get("HX-Target") == "run":
        return render(request, "consents/run.html", context)
    of_app = access_of(request).visible(Consent).filter(app=app)
    permissions = sorted(set(of_app.order_by().values_list("permission", flat=True).distinct()))
    tenants = Tenant.objects.filter(Exists(of_app.filter(tenant=OuterRef("pk"))))
    page = _listing(app, permissions).page(
        request, tenants.prefetch_related(Prefetch("consents", of_app.order_by("permission"), to_attr="of_app"))
    )
    asked = Requests.about([consent for tenant in page.rows for consent in tenant.of_app])
    for tenant in page.rows:
        found = {consent.permission: consent for consent in tenant.of_app}
        tenant.cells = [(permission, found.get(permission)) for permission in permissions]
        tenant.lacking = next((one for one in tenant.of_app if one.status != ConsentStatus.GRANTED), None)
        tenant.asked_at = asked.since(tenant.lacking) if tenant.lacking else None
        tenant.checked_at = min((one.checked_at for one in tenant.of_app if one.checked_at), default=None)
    return render(request, "consents/matrix.html", {**context, "page": page})


@require_right(Right.OPERATE, in_all_tenants=True)
@post_only(back="app-consents")
def app_consents_check(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Start a batch check of the app, or show the running one."""
    app = get_object_or_404(AppRegistration.objects.select_related("tenant"), pk=pk)
    start_batch(app, request)
    return redirect("app-consents", pk)


@require_right(Right.OPERATE, in_all_tenants=True)
@post_only(back="app-consents")
def app_consents_stop(request: HttpRequest, pk: UUID) -> HttpResponse:
    check_batch.stop(get_object_or_404(AppRegistration, pk=pk), now=timezone.now())
    return redirect("app-consents", pk)


def start_batch(app: AppRegistration | None, request: HttpRequest) -> None:
    """Start a batch check, of one app or of all apps."""
    sync_required_consents([app] if app else AppRegistration.objects.all())
    check_batch.start(app, by=request.user if isinstance(request.user, User) else None, now=timezone.now())
    wakeup.notify_worker(GO_ON)


def _listing(app: AppRegistration, permissions: list[str]) -> Table:
    def where(chosen: str) -> Q:
        found = Consent.objects.filter(app=app, tenant=OuterRef("pk"))
        if chosen == ERROR:
            return Q(Exists(found.filter(status=ConsentStatus.ERROR)))
        lacking = Q(Exists(found.exclude(status=ConsentStatus.GRANTED)))
        return lacking if chosen == MISSING else ~lacking

    return Table(
        name="app-consents",
        columns=(
            Column(gettext_lazy("Tenant"), "name", is_fixed=True),
            *(Column(permission, key=permission) for permission in permissions),
            Column(gettext_lazy("Checked"), key="checked"),
            Column(gettext_lazy("Action"), is_hidden=True),
        ),
        search=("name", "domain"),
        filters={
            "status": Filter(
                gettext_lazy("Consent"),
                [
                    (MISSING, gettext_lazy("Something is not granted")),
                    (ERROR, gettext_lazy("Error")),
                    (GRANTED, gettext_lazy("All granted")),
                ],
                where,
            )
        },
        default="name",
    )


def run_of(app: AppRegistration | None, now: datetime) -> dict[str, object]:
    """Return the last batch check of the app, or of all apps, for its panel."""
    run = ConsentCheckBatch.objects.filter(app=app).first()
    if run is None:
        return {"run": None}
    counts = run.counts()
    left = None if run.finished_at else time_left(counts, now - run.started_at)
    return {
        "run": run,
        "counts": counts,
        "left": humanize.span(left) if left is not None else "",
        "is_nearly_done": left is not None and left < humanize.MINUTE,
    }
