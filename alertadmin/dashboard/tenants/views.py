from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.db.models import Count, OuterRef, Prefetch, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alertadmin.accounts.access import access_of
from alertadmin.accounts.declaring import allows
from alertadmin.accounts.reauthentication import recently_confirmed
from alertadmin.accounts.roles import Right
from alertadmin.dashboard import going
from alertadmin.dashboard.deleting import confirm_delete
from alertadmin.dashboard.guide.directory import guides_of
from alertadmin.dashboard.listing import Column, Listing
from alertadmin.dashboard.portal import portal_links
from alertadmin.dashboard.tenants.forms import TenantForm
from alertadmin.dashboard.told import people_told
from alertadmin.outbox.models import Delivery
from alertadmin.registry.models import AppRegistration, Credential, Tenant

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
RECENT = 8


@allows(Right.LOOK)
def tenants(request: HttpRequest) -> HttpResponse:
    apps = AppRegistration.objects.filter(tenant=OuterRef("pk")).order_by().values("tenant")
    counted = Coalesce(Subquery(apps.annotate(count=Count("pk")).values("count")), 0)
    page = LISTING.page(request, access_of(request).rows(Tenant).annotate(app_count=counted))
    return render(request, "tenants/list.html", {"page": page, "begun": guides_of(request)})


@allows(Right.LOOK, of=Tenant)
def tenant(request: HttpRequest, pk: UUID) -> HttpResponse:
    ends = Prefetch("apps__credentials", Credential.objects.defer("value", "certificate"))
    found = get_object_or_404(Tenant.objects.prefetch_related("contacts", "apps", ends, "mailboxes__app"), pk=pk)
    access = access_of(request)
    tests = access.rows(Delivery).filter(mailbox__tenant=found)
    context = {
        "tenant": found,
        "consents": found.consents.select_related("app"),
        "people": people_told(access, found).first,
        "links": portal_links(("tenant", "registrations", "enterprise"), found),
        "deliveries": tests.defer("text", "html", "attachments")[:RECENT],
    }
    return render(request, "tenants/tenant.html", context)


@allows(Right.CHANGE, of=Tenant)
def tenant_edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = get_object_or_404(Tenant, pk=pk)
    form = TenantForm(request.POST or None, instance=found, access=access_of(request))
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            form.save()
        messages.success(request, _("Saved."))
        return redirect("tenant", pk)
    heading = _("Edit “%(name)s”") % {"name": found.name}
    return render(
        request,
        "partials/edit.html",
        {"form": form, "heading": heading, "above": [found], "back": found.get_absolute_url()},
    )


@allows(Right.CHANGE, everywhere=True)
@recently_confirmed("POST")
def tenant_delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = get_object_or_404(Tenant, pk=pk)
    means = _("Nobody is reminded of its secrets any more. What was sent stays on record; in Entra nothing changes.")
    return confirm_delete(request, found, means=means, going=going.with_tenant(found), back_to="tenants")
