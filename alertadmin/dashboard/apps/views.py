from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alertadmin.accounts.access import Access, access_of
from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.roles import Right
from alertadmin.dashboard.apps.checklist import steps
from alertadmin.dashboard.apps.forms import AppForm
from alertadmin.dashboard.lists.facts import add_app_facts
from alertadmin.dashboard.lists.filters import consent_filter, expiry_filter, secrets_in_use
from alertadmin.dashboard.ui import cascade_summary
from alertadmin.dashboard.ui.confirm_delete import confirm_delete
from alertadmin.dashboard.ui.entra_links import portal_links
from alertadmin.dashboard.ui.kept_secrets import keeps_secrets
from alertadmin.dashboard.ui.tables import Column, Table
from alertadmin.outbox.models import Delivery
from alertadmin.registry.consent.required_consents import sync_required_consents
from alertadmin.registry.models import AppRegistration, Consent, ConsentStatus, Credential, Mailbox, SignInAudience
from alertadmin.registry.models.mailbox import of_the_installation

LISTING = Table(
    name="apps",
    columns=(
        Column(gettext_lazy("Name"), "name", ("client_id",), is_fixed=True),
        Column(gettext_lazy("Tenant"), "tenant__name", ("tenant_id",)),
        Column(gettext_lazy("Application (client) ID"), "client_id"),
        Column(gettext_lazy("Secret in use"), key="expiry"),
        Column(gettext_lazy("Consent"), key="consent"),
        Column(gettext_lazy("Account types"), key="audience", is_extra=True),
        Column(gettext_lazy("Owner"), key="owner", is_extra=True),
    ),
    search=("name", "client_id", "tenant__name"),
    filters={
        "ends": expiry_filter(secrets_in_use, "app", or_none=True),
        "consent": consent_filter("app"),
        "audience": (gettext_lazy("Account types"), SignInAudience.choices),
    },
    default="name",
)
SHEETS = ("overview", "credentials", "permissions", "authentication")
RECENT = 8
SHOWN_CONSENTS = 12
"""Consents shown on the page, those not granted first; the matrix lists all."""
ENDS_ONLY = Prefetch("credentials", Credential.objects.defer("value", "certificate"))


def visible_mailboxes(access: Access) -> Prefetch[Any, Any, Any]:
    """Mailboxes of the app in the tenants visible to the user."""
    return Prefetch("mailboxes", access.visible(Mailbox.objects.select_related("tenant")))


@require_right(Right.LOOK)
def apps(request: HttpRequest) -> HttpResponse:
    found = access_of(request).visible(AppRegistration.objects.select_related("tenant"))
    page = LISTING.page(request, found)
    add_app_facts(page.rows, access_of(request))
    return render(request, "apps/list.html", {"page": page})


@require_right(Right.LOOK, of=AppRegistration)
def app(request: HttpRequest, pk: UUID) -> HttpResponse:
    access = access_of(request)
    found = get_object_or_404(
        AppRegistration.objects.select_related("tenant").prefetch_related(ENDS_ONLY, visible_mailboxes(access)), pk=pk
    )
    consents = list(access.visible(Consent).filter(app=found).select_related("tenant"))
    deliveries = access.visible(Delivery).filter(mailbox__app=found).defer("text", "html", "attachments")
    context = {
        "app": found,
        "consents": sorted(consents, key=lambda one: one.status == ConsentStatus.GRANTED)[:SHOWN_CONSENTS],
        "has_several_tenants": len({consent.tenant_id for consent in consents}) > 1,
        "steps": steps(found, consents, timezone.now(), access),
        "links": portal_links(SHEETS, found.tenant, found),
        "deliveries": deliveries.order_by("-created_at")[:RECENT],
    }
    return render(request, "apps/app.html", context)


@require_right(Right.CHANGE, of=AppRegistration)
@keeps_secrets("new_secret")
def app_edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = get_object_or_404(AppRegistration.objects.select_related("tenant"), pk=pk)
    form = AppForm(request.POST or None, instance=found)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            form.save()
            sync_required_consents([found])
        messages.success(request, _("Saved."))
        return redirect("app", pk)
    heading = _("Edit “%(name)s”") % {"name": found.name}
    context = {"form": form, "heading": heading, "breadcrumbs": [found.tenant, found], "back": found.get_absolute_url()}
    return render(request, "partials/edit.html", context)


@require_right(Right.CHANGE, of=AppRegistration)
def app_delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    access = access_of(request)
    found = get_object_or_404(AppRegistration, pk=pk)
    # Deletes its mailboxes too, in all tenants.
    others = Mailbox.objects.filter(app=found).exclude(
        of_the_installation()
    )  # the sender guard decides about the sender mailbox
    if others.exclude(pk__in=access.visible(Mailbox, Right.CHANGE)).exists():
        messages.error(
            request,
            _(
                "Mailboxes of other tenants send through this app, and would be deleted with it. Ask an "
                "administrator of the whole installation to delete it."
            ),
        )
        return redirect("app", pk)
    consequence = _("Reminders of its secrets stop. Past deliveries stay in the audit trail; nothing changes in Entra.")
    return confirm_delete(
        request, found, consequence=consequence, cascade=cascade_summary.app_cascade(found, access), back_to="apps"
    )
