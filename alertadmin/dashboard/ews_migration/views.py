"""EWS migration: all mailboxes that send by EWS, and their steps to Microsoft Graph."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alertadmin.accounts.access import access_of
from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.reauthentication import recently_confirmed
from alertadmin.accounts.roles import Right
from alertadmin.dashboard.ews_migration.status import ews_mailboxes, migration_status
from alertadmin.dashboard.ui.decorators import post_only
from alertadmin.dashboard.ui.entra_links import portal_links
from alertadmin.dashboard.ui.tables import Column, Table
from alertadmin.outbox import graph_migration
from alertadmin.registry.consent.checks import check_consent
from alertadmin.registry.models import AppRegistration, Mailbox
from alertadmin.registry.models.mailbox import by_exchange_online_ews
from alertadmin.registry.permissions import Permission, TransportName
from alertadmin.registry.scripts import snippets
from alertadmin.reminders.scan.sources.ews import ENDS

LISTING = Table(
    name="leaving-ews",
    columns=(
        Column(gettext_lazy("Address"), "address", is_fixed=True),
        Column(gettext_lazy("Tenant"), "tenant__name", ("tenant_id",)),
        Column(gettext_lazy("EWS"), key="ews"),
        Column(gettext_lazy("Graph"), key="graph"),
        Column(gettext_lazy("Next step"), is_hidden=True),
    ),
    search=("address", "tenant__name", "app__name"),
    default="tenant__name",
)


@require_right(Right.LOOK)
def leaving_ews(request: HttpRequest) -> HttpResponse:
    now, access = timezone.now(), access_of(request)
    page = LISTING.page(request, ews_mailboxes(access))
    for mailbox in page.rows:
        mailbox.migration = migration_status(mailbox, now)
    context = {
        "page": page,
        "days": (ENDS - now).days,
        "count": access.visible(Mailbox).filter(by_exchange_online_ews()).count(),
        "moved": access.visible(Mailbox).filter(transport=TransportName.GRAPH).count(),
    }
    return render(request, "ews_migration/list.html", context)


@require_right(Right.LOOK, of=Mailbox)
def leaving_mailbox(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One mailbox with its status and the scripts for its tenant."""
    found = get_object_or_404(Mailbox.objects.select_related("tenant", "app"), pk=pk)
    if found.app is None or found.transport != TransportName.EWS:
        return redirect("mailbox", pk)
    row = ews_mailboxes(access_of(request)).get(pk=pk)
    others = Mailbox.objects.filter(by_exchange_online_ews(), tenant=found.tenant).values_list(
        "app__client_id", flat=True
    )
    context = {
        "mailbox": found,
        "migration": migration_status(row, timezone.now()),
        "days": (ENDS - timezone.now()).days,
        "recipient": getattr(request.user, "email", ""),
        "links": portal_links(("permissions", "ews_doc", "rbac_doc"), found.tenant, found.app),
        "consent_script": snippets.grant_mail_send(found.app, found.tenant),
        "scope_script": snippets.scope_to_mailbox(found.app, found.tenant, found.address),
        "allow_script": snippets.allow_ews(found.tenant, sorted(set(others))),
    }
    return render(request, "ews_migration/mailbox.html", context)


@require_right(Right.CHANGE, of=Mailbox)
@post_only(back="mailbox-leaving")
def require_graph_permission(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Add Mail.Send to the required permissions of the app and check consent at once.

    Needs the right to change the app, which may belong to another tenant than the mailbox.
    """
    found = get_object_or_404(Mailbox.objects.select_related("tenant", "app__tenant"), pk=pk)
    if found.app is not None:
        access_of(request).get_or_404(AppRegistration, found.app.pk, Right.CHANGE)
    if found.app is not None and Permission.MAIL_SEND not in found.app.permissions:
        graph_migration.require_mail_send(found.app)
        check_consent(found.app, found.tenant, now=timezone.now())
        messages.success(request, _("“%(app)s” now requires Mail.Send.") % {"app": found.app.name})
    return redirect("mailbox-leaving", pk)


@require_right(Right.CHANGE, of=Mailbox)
@recently_confirmed("POST")
@post_only(back="mailbox-leaving")
def mailbox_to_graph(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Switch to Graph, only after an accepted test: a working transport is not replaced by an untested one."""
    found = get_object_or_404(Mailbox.objects.select_related("tenant", "app").filter(by_exchange_online_ews()), pk=pk)
    try:
        graph_migration.switch(found, timezone.now())
    except graph_migration.NotTested:
        messages.warning(
            request, _("A test by Microsoft Graph must be accepted first. The mailbox still sends by EWS.")
        )
        return redirect("mailbox-leaving", pk)
    messages.success(request, _("%(address)s now sends by Microsoft Graph.") % {"address": found.address})
    return redirect("leaving-ews")
