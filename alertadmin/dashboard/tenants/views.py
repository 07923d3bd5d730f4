from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alertadmin.dashboard.deleting import confirm_delete
from alertadmin.dashboard.listing import Column, Listing
from alertadmin.dashboard.tenants.forms import TenantForm
from alertadmin.registry.models import Tenant

LISTING = Listing(
    columns=(
        Column(gettext_lazy("Name"), "name"),
        Column(gettext_lazy("Primary domain"), "domain"),
        Column(gettext_lazy("Directory (tenant) ID"), "directory_id"),
        Column(gettext_lazy("App registrations")),
    ),
    search=("name", "domain", "directory_id"),
    default="name",
)


def tenants(request: HttpRequest) -> HttpResponse:
    page = LISTING.page(request, Tenant.objects.annotate(app_count=Count("apps")))
    return render(request, "tenants/list.html", {"page": page})


def tenant(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = get_object_or_404(Tenant.objects.prefetch_related("contacts", "apps__credentials", "mailboxes__app"), pk=pk)
    return render(request, "tenants/tenant.html", {"tenant": found, "consents": found.consents.select_related("app")})


def tenant_edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = get_object_or_404(Tenant, pk=pk)
    form = TenantForm(request.POST or None, instance=found)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            form.save()
        messages.success(request, _("Saved."))
        return redirect("tenant", pk)
    return render(
        request, "partials/edit.html", {"form": form, "heading": found.name, "back": found.get_absolute_url()}
    )


def tenant_delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    goes_with = _("Its app registrations, their secrets, its mailboxes and consents go with it.")
    return confirm_delete(request, get_object_or_404(Tenant, pk=pk), goes_with=goes_with, back_to="tenants")
