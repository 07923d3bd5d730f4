from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alertadmin.accounts.access import access_of
from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.roles import Right
from alertadmin.dashboard.consents import matrix, pairs
from alertadmin.dashboard.consents.forms import Requests
from alertadmin.dashboard.ui.decorators import post_only
from alertadmin.dashboard.ui.tables import Column, Filter, Table
from alertadmin.registry.consent import check_batch
from alertadmin.registry.consent.checks import check_consents, required_pairs
from alertadmin.registry.consent.required_consents import sync_required_consents
from alertadmin.registry.models import AppRegistration, Consent, ConsentStatus
from alertadmin.registry.permissions import Permission

WAITED_FOR = 16
"""Tenants of an app that one request checks synchronously; more run as a batch."""
BY_PERMISSION = "permission"
"""Value of `rows` that shows one row a permission."""
LISTING = Table(
    name="consents",
    columns=(
        Column(gettext_lazy("Tenant"), "tenant__name", ("tenant_id", "app__name", "app_id", "permission")),
        Column(gettext_lazy("App registration"), "app__name", ("app_id", "permission")),
        Column(gettext_lazy("Permission"), "permission"),
        Column(gettext_lazy("Consent"), "status"),
        Column(gettext_lazy("Checked"), key="checked"),
        Column(gettext_lazy("Action"), is_hidden=True),
    ),
    search=("tenant__name", "app__name"),
    filters={
        "status": Filter(
            gettext_lazy("Consent"),
            [(pairs.MISSING, pairs.MISSING_LABEL), *ConsentStatus.choices],
            lambda chosen: Q(status__in=pairs.NOT_GRANTED if chosen == pairs.MISSING else [chosen]),
        ),
        "permission": (gettext_lazy("Permission"), Permission.choices),
    },
    default="tenant__name",
)


def matching(params: QueryDict, consents: QuerySet[Consent]) -> QuerySet[Consent]:
    """The consents of the rows that the list shows for these parameters, of either kind of rows."""
    if params.get("rows") == BY_PERMISSION:
        return LISTING.matching(params, consents)
    shown = pairs.TABLE.matching(params, pairs.first_of_each_pair(consents)).order_by()
    of_pair = Exists(shown.filter(app=OuterRef("app"), tenant=OuterRef("tenant")))
    return consents.filter(of_pair).order_by("tenant__name", "tenant", "app__name", "app", "permission")


@require_right(Right.LOOK)
def consents(request: HttpRequest) -> HttpResponse:
    # The batch covers all tenants, so its panel is for users who see all of them.
    context = matrix.run_of(None, timezone.now()) if access_of(request).in_all_tenants() else {}
    context["stop_url"] = reverse("consents-stop")
    if request.headers.get("HX-Target") == "run":
        return render(request, "consents/run.html", context)
    if LISTING.asked(request).get("rows") != BY_PERMISSION:
        return render(request, "consents/pairs.html", {**context, "page": pairs.pairs_page(request)})
    page = LISTING.page(request, access_of(request).visible(Consent.objects.select_related("tenant", "app")))
    asked = Requests.about(page.rows)
    for consent in page.rows:
        consent.asked_at = asked.since(consent)
    return render(request, "consents/list.html", {**context, "page": page})


@require_right(Right.OPERATE, in_all_tenants=True)
def consents_check(request: HttpRequest) -> HttpResponse:
    """Start a batch check of every app, or show the running one."""
    if request.method == "POST":
        matrix.start_batch(None, request)
    return redirect("consents")


@require_right(Right.OPERATE, in_all_tenants=True)
def consents_stop(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        check_batch.stop(None, now=timezone.now())
    return redirect("consents")


@require_right(Right.OPERATE, of=AppRegistration)
@post_only(back="app")
def consent_check(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Check the app with a new token for each tenant: at once for up to WAITED_FOR tenants, else as a batch."""
    app = get_object_or_404(AppRegistration.objects.select_related("tenant").prefetch_related("credentials"), pk=pk)
    access = access_of(request)
    sync_required_consents([app])
    pairs = [pair for pair in required_pairs([app]) if access.may(Right.OPERATE, pair.tenant)]
    if len(pairs) > WAITED_FOR and access.in_all_tenants(Right.OPERATE):
        matrix.start_batch(app, request)
        return redirect("app-consents", pk)
    found = list(check_consents(pairs, now=timezone.now()))
    granted = sum(consent.status == ConsentStatus.GRANTED for consent in found)
    if not found:
        messages.warning(request, _("This app has no required permission yet: choose one on its edit page."))
    elif granted == len(found):
        messages.success(request, _("All required permissions are granted."))
    else:
        messages.warning(
            request, _("%(granted)d of %(all)d permissions are granted.") % {"granted": granted, "all": len(found)}
        )
    return redirect("app", pk)
