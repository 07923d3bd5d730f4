from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alertadmin.dashboard.apps.forms import AppForm
from alertadmin.dashboard.deleting import confirm_delete
from alertadmin.dashboard.listing import Column, Listing
from alertadmin.registry.models import AppRegistration, Audience

LISTING = Listing(
    columns=(
        Column(gettext_lazy("Name"), "name"),
        Column(gettext_lazy("Tenant"), "tenant__name"),
        Column(gettext_lazy("Application (client) ID"), "client_id"),
        Column(gettext_lazy("Secret in use")),
    ),
    search=("name", "client_id", "tenant__name"),
    filters={"audience": (gettext_lazy("Account types"), Audience.choices)},
    default="name",
)


def apps(request: HttpRequest) -> HttpResponse:
    found = AppRegistration.objects.select_related("tenant").prefetch_related("credentials")
    return render(request, "apps/list.html", {"page": LISTING.page(request, found)})


def app(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = get_object_or_404(
        AppRegistration.objects.select_related("tenant").prefetch_related("credentials", "mailboxes__tenant"), pk=pk
    )
    return render(request, "apps/app.html", {"app": found, "consents": found.consents.select_related("tenant")})


def app_edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = get_object_or_404(AppRegistration, pk=pk)
    form = AppForm(request.POST or None, instance=found)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Saved."))
        return redirect("app", pk)
    return render(
        request, "partials/edit.html", {"form": form, "heading": found.name, "back": found.get_absolute_url()}
    )


def app_delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    goes_with = _("Its secrets, mailboxes and consents go with it. In Entra nothing changes.")
    return confirm_delete(request, get_object_or_404(AppRegistration, pk=pk), goes_with=goes_with, back_to="apps")
