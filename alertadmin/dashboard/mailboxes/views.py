from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alertadmin.accounts.access import access_of
from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.reauthentication import recently_confirmed
from alertadmin.accounts.roles import Right
from alertadmin.crypto.keyring import KeyringError
from alertadmin.dashboard.lists.facts import add_last_tests
from alertadmin.dashboard.mailboxes import send_as_check, send_test_progress
from alertadmin.dashboard.mailboxes.forms import (
    MailboxForm,
    OnPremisesForm,
    PersonalForm,
    SenderMailboxForm,
    TestSendForm,
)
from alertadmin.dashboard.ui.confirm_delete import confirm_delete
from alertadmin.dashboard.ui.decorators import post_only
from alertadmin.dashboard.ui.kept_secrets import keeps_secrets
from alertadmin.dashboard.ui.query_object import get_from_query
from alertadmin.dashboard.ui.tables import Column, Filter, Table
from alertadmin.outbox.delivery import route_health
from alertadmin.outbox.mail_limits import TooManyMails
from alertadmin.outbox.models import Delivery, Purpose
from alertadmin.outbox.send_test import test_send
from alertadmin.registry.clouds import servers
from alertadmin.registry.models import AppRegistration, Mailbox, Tenant
from alertadmin.registry.models.mailbox import of_the_installation
from alertadmin.registry.permissions import TENANT_WIDE, TransportName
from alertadmin.registry.scripts import snippets
from alertadmin.stored_messages import render_error

ON_PREMISES = "on_premises"
PERSONAL = "personal"
FAILING = "failing"
TRANSPORT_FILTERS = {ON_PREMISES: ~Q(server=""), PERSONAL: Q(is_personal=True)}
LISTING = Table(
    name="mailboxes",
    columns=(
        Column(gettext_lazy("Address"), "address", is_fixed=True),
        Column(gettext_lazy("Tenant"), "tenant__name", ("tenant_id",)),
        Column(gettext_lazy("Through"), key="through"),
        Column(gettext_lazy("Sends by"), "transport"),
        Column(gettext_lazy("Last test"), key="test"),
        Column(gettext_lazy("Action"), is_hidden=True),
    ),
    search=("address", "tenant__name", "app__name"),
    filters={
        "way": Filter(
            gettext_lazy("Sends by"),
            [
                *TransportName.choices,
                (ON_PREMISES, gettext_lazy("Exchange on premises")),
                (PERSONAL, gettext_lazy("Personal account")),
            ],
            lambda chosen: TRANSPORT_FILTERS.get(chosen, Q(transport=chosen, server="", is_personal=False)),
        ),
        "works": Filter(
            gettext_lazy("Status"),
            [(FAILING, gettext_lazy("Last attempt failed"))],
            lambda _chosen: Q(
                pk__in=route_health.failed_mailboxes(Mailbox.objects.order_by(), timezone.now()).values("pk")
            ),
        ),
    },
    default="address",
)
Parent = Tenant | AppRegistration | Mailbox
TESTS = 8


@require_right(Right.LOOK)
def mailboxes(request: HttpRequest) -> HttpResponse:
    found = Mailbox.objects.select_related("tenant", "app").defer("password", "refresh_token")
    page = LISTING.page(request, access_of(request).visible(found))
    add_last_tests(page.rows, access_of(request))
    return render(request, "mailboxes/list.html", {"page": page})


@require_right(Right.LOOK, of=Mailbox)
def mailbox(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = get_object_or_404(Mailbox.objects.select_related("tenant", "app__tenant"), pk=pk)
    initial = {"recipient": getattr(request.user, "email", ""), "transport": found.transport}
    return _mailbox_page(request, found, TestSendForm(initial=initial, mailbox=found))


def _mailbox_page(
    request: HttpRequest,
    found: Mailbox,
    form: TestSendForm,
    scope_form: send_as_check.ScopeForm | None = None,
    status: int = 200,
) -> HttpResponse:
    recent = found.deliveries.filter(sends_as="").defer("text", "html", "attachments").order_by("-created_at")
    context = {
        "mailbox": found,
        "form": form,
        "deliveries": recent[:TESTS],
        "is_installations": Mailbox.objects.filter(of_the_installation(), pk=found.pk).exists(),
        "is_signed_in": found.is_personal and found.is_signed_in(timezone.now()),
        **send_as_check.panel_context(found, scope_form),
        "scope_script": _scope_script(found),
        "scope_url": reverse("mailbox-scope", args=[found.pk]),
    }
    return render(request, "mailboxes/mailbox.html", context, status=status)


def _scope_script(mailbox: Mailbox) -> str:
    """Script that scopes the app; empty if Exchange grants per mailbox anyway."""
    if mailbox.app is None or mailbox.permission is None or mailbox.permission not in TENANT_WIDE:
        return ""
    return snippets.scope_to_mailbox(mailbox.app, mailbox.tenant, mailbox.address, [mailbox.permission])


@require_right(Right.CHANGE)
@recently_confirmed("POST")
def mailbox_add(request: HttpRequest) -> HttpResponse:
    """Add a mailbox. `?app=` or `?tenant=` chooses its app or tenant."""
    app = get_from_query(request, "app", AppRegistration.objects.select_related("tenant"))
    tenant = app.tenant if app else get_from_query(request, "tenant", Tenant.objects.all())
    if app is None and tenant is not None and len(apps := tenant.apps.all()[:2]) == 1:
        app = apps[0]
    form = MailboxForm(request.POST or None, access=access_of(request), initial={"app": app, "tenant": tenant})
    return _edit(request, form, _("Add a mailbox"), breadcrumbs=[thing for thing in (tenant, app) if thing])


@require_right(Right.CHANGE)
@keeps_secrets("new_password")
@recently_confirmed("POST")
def mailbox_add_on_premises(request: HttpRequest) -> HttpResponse:
    if not servers():
        return render(request, "mailboxes/no_servers.html")
    tenant = get_from_query(request, "tenant", Tenant.objects.all())
    form = OnPremisesForm(request.POST or None, access=access_of(request), initial={"tenant": tenant})
    return _edit(request, form, _("Add a mailbox on premises"), breadcrumbs=[tenant] if tenant else [])


@require_right(Right.CHANGE, of=Mailbox)
@keeps_secrets("new_password")
@recently_confirmed("POST")
def mailbox_edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = get_object_or_404(Mailbox.objects.select_related("tenant", "app__tenant"), pk=pk)
    make: Callable[..., SenderMailboxForm] = OnPremisesForm if found.is_on_premises else MailboxForm
    if found.is_personal:
        make = PersonalForm
    form = make(request.POST or None, access=access_of(request), instance=found)
    return _edit(request, form, _("Edit “%(name)s”") % {"name": found.address}, breadcrumbs=[found.tenant, found])


def _edit(
    request: HttpRequest, form: SenderMailboxForm, heading: str, *, breadcrumbs: Sequence[Parent]
) -> HttpResponse:
    """Edit form. `breadcrumbs` are the parent pages; Cancel leads to the last one, or to the list."""
    if request.method == "POST" and form.is_valid():
        try:
            saved = form.save()
        except KeyringError as error:
            form.add_error(None, render_error(error))
        else:
            messages.success(request, _("Saved. Now send a test."))
            return redirect("mailbox", saved.pk)
    back = breadcrumbs[-1].get_absolute_url() if breadcrumbs else reverse("mailboxes")
    return render(
        request, "partials/edit.html", {"form": form, "heading": heading, "breadcrumbs": breadcrumbs, "back": back}
    )


@require_right(Right.CHANGE, of=Mailbox)
@recently_confirmed("POST")
def mailbox_delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    consequence = _("Past deliveries stay on record. Nothing changes in Microsoft 365.")
    return confirm_delete(request, get_object_or_404(Mailbox, pk=pk), consequence=consequence, back_to="mailboxes")


@require_right(Right.OPERATE, of=Mailbox)
@post_only(back="mailbox")
def start_test(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = get_object_or_404(Mailbox.objects.select_related("tenant", "app__tenant"), pk=pk)
    form = TestSendForm(request.POST, mailbox=found)
    if not form.is_valid():
        return _mailbox_page(request, found, form, status=422)
    by, data = request.user, form.cleaned_data
    transport = data.get("transport") or None
    try:
        delivery = test_send.start(found, data["recipient"], transport=transport, by=by, now=timezone.now())
    except TooManyMails as refused:
        form.add_error(None, refused)
        return _mailbox_page(request, found, form, status=429)
    return redirect("test-send-progress", delivery.pk)


@require_right(Right.OPERATE, of=Mailbox)
@post_only(back="mailbox")
def send_as_other_mailbox(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Send a test as another mailbox, which should be refused; if it is accepted, the user receives the mail."""
    found = get_object_or_404(Mailbox.objects.select_related("tenant", "app__tenant").filter(server=""), pk=pk)
    form = send_as_check.ScopeForm(request.POST, mailbox=found)
    recipient = getattr(request.user, "email", "")
    status = 422
    if form.is_valid():
        try:
            by, other = request.user, form.cleaned_data["other"]
            delivery = test_send.start(found, recipient, sends_as=other, by=by, now=timezone.now())
            return redirect("test-send-progress", delivery.pk)
        except TooManyMails as refused:
            form.add_error("other", refused)
            status = 429
    initial = {"recipient": recipient, "transport": found.transport}
    return _mailbox_page(request, found, TestSendForm(initial=initial, mailbox=found), form, status=status)


@require_right(Right.LOOK, of=Delivery)
def progress(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Steps of a running test; the page polls each second."""
    delivery = get_object_or_404(
        Delivery.objects.select_related("mailbox__app__tenant", "mailbox__tenant", "channel"),
        pk=pk,
        purpose=Purpose.TEST,
    )
    context = {
        **send_test_progress.progress_context(delivery, timezone.now()),
        "area": "channels" if delivery.uses_channel else "mailboxes",
        "verdict": send_as_check.assess_test(delivery) if delivery.sends_as else None,
    }
    template = "mailboxes/steps.html" if getattr(request, "htmx", False) else "mailboxes/progress.html"
    return render(request, template, context)
