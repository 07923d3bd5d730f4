from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.db.models import Count, OuterRef, Prefetch, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alertadmin.accounts.access import Access, access_of
from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.models.membership import Membership
from alertadmin.accounts.reauthentication import recently_confirmed
from alertadmin.accounts.roles import Right
from alertadmin.dashboard.lists.facts import add_tenant_facts
from alertadmin.dashboard.lists.filters import consent_filter, expiry_filter, monitored_secrets
from alertadmin.dashboard.setup_wizard.directory import unfinished_guides
from alertadmin.dashboard.tenants.forms import TenantForm
from alertadmin.dashboard.ui import cascade_summary
from alertadmin.dashboard.ui.confirm_delete import confirm_delete
from alertadmin.dashboard.ui.entra_links import portal_links
from alertadmin.dashboard.ui.notified_people import list_notified_people
from alertadmin.dashboard.ui.tables import Column, Table
from alertadmin.outbox.models import Delivery
from alertadmin.registry.models import AppRegistration, Credential, Mailbox, Tenant

LISTING = Table(
    name="tenants",
    columns=(
        Column(gettext_lazy("Name"), "name", is_fixed=True),
        Column(gettext_lazy("Primary domain"), "domain"),
        Column(gettext_lazy("Next expiry"), key="expiry"),
        Column(gettext_lazy("Consent"), key="consent"),
        Column(gettext_lazy("Last test"), key="test"),
        Column(gettext_lazy("Owner"), key="owner"),
        Column(gettext_lazy("Open actions"), key="open"),
        Column(gettext_lazy("App registrations"), key="apps", is_extra=True),
        Column(gettext_lazy("Directory (tenant) ID"), "directory_id", is_extra=True),
    ),
    search=("name", "domain", "directory_id"),
    filters={
        "ends": expiry_filter(monitored_secrets, "app__tenant", or_none=False),
        "consent": consent_filter("tenant"),
    },
    default="name",
)
RECENT = 8
MOST_USERS = 20
"""Users listed on the page of a tenant."""


@require_right(Right.LOOK)
def tenants(request: HttpRequest) -> HttpResponse:
    apps = AppRegistration.objects.filter(tenant=OuterRef("pk")).order_by().values("tenant")
    counted = Coalesce(Subquery(apps.annotate(count=Count("pk")).values("count")), 0)
    page = LISTING.page(request, access_of(request).visible(Tenant).annotate(app_count=counted))
    add_tenant_facts(page.rows, access_of(request), timezone.now())
    return render(request, "tenants/list.html", {"page": page, "unfinished_setups": unfinished_guides(request)})


@require_right(Right.LOOK, of=Tenant)
def tenant(request: HttpRequest, pk: UUID) -> HttpResponse:
    ends = Prefetch("apps__credentials", Credential.objects.defer("value", "certificate"))
    # Joined: a prefetch of the apps names each in a condition, of which SQLite takes 1,000.
    mailboxes = Prefetch("mailboxes", Mailbox.objects.select_related("app"))
    found = get_object_or_404(Tenant.objects.prefetch_related("contacts", "apps", ends, mailboxes), pk=pk)
    access = access_of(request)
    tests = access.visible(Delivery).filter(mailbox__tenant=found)
    context = {
        "tenant": found,
        "consents": found.consents.select_related("app"),
        "people": list_notified_people(access, found).first,
        **_people(access, found),
        "links": portal_links(("tenant", "registrations", "enterprise"), found),
        "deliveries": tests.defer("text", "html", "attachments")[:RECENT],
    }
    return render(request, "tenants/tenant.html", context)


def _people(access: Access, found: Tenant) -> dict[str, Any]:
    """Users with a role in the tenant, for those who may manage them; those with a role in all tenants are counted."""
    if not access.in_tenant(found.pk, Right.PEOPLE):
        return {"shows_users": False}
    memberships = access.visible(Membership.objects.in_force(timezone.now()), Right.PEOPLE)
    own = memberships.filter(tenant=found).select_related("user").order_by("user__email")
    of_all = Membership.objects.in_force(timezone.now()).filter(tenant=None).values("user").distinct().count()
    return {
        "shows_users": True,
        "members": own[:MOST_USERS],
        "more_users": max(0, own.count() - MOST_USERS),
        "users_of_all_tenants": of_all if access.in_all_tenants(Right.PEOPLE) else 0,
    }


@require_right(Right.CHANGE, of=Tenant)
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
        {"form": form, "heading": heading, "breadcrumbs": [found], "back": found.get_absolute_url()},
    )


@require_right(Right.CHANGE, in_all_tenants=True)
@recently_confirmed("POST")
def tenant_delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = get_object_or_404(Tenant, pk=pk)
    consequence = _("Reminders of its secrets stop. Past deliveries stay in the audit trail; nothing changes in Entra.")
    return confirm_delete(
        request, found, consequence=consequence, cascade=cascade_summary.tenant_cascade(found), back_to="tenants"
    )
