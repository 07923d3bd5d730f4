from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from alertadmin.dashboard.deleting import confirm_delete
from alertadmin.dashboard.listing import Column, Listing
from alertadmin.dashboard.mailboxes.forms import MailboxForm, TestSendForm
from alertadmin.outbox import test_send
from alertadmin.outbox.models import Delivery, DeliveryState, Purpose
from alertadmin.registry.models import AppRegistration, Mailbox
from alertadmin.registry.permissions import Transport

LISTING = Listing(
    columns=(
        Column(gettext_lazy("Address"), "address"),
        Column(gettext_lazy("Tenant"), "tenant__name"),
        Column(gettext_lazy("App registration"), "app__name"),
        Column(gettext_lazy("Sends by"), "transport"),
    ),
    search=("address", "tenant__name", "app__name"),
    filters={"transport": (gettext_lazy("Sends by"), Transport.choices)},
    default="address",
)
UNDER_WAY = {DeliveryState.PENDING, DeliveryState.SENDING}
STEPS = (
    ("tenant", gettext_lazy("Tenant found")),
    ("token", gettext_lazy("Token received")),
    ("permission", gettext_lazy("Permission seen")),
    ("message", gettext_lazy("Message accepted")),
)


def mailboxes(request: HttpRequest) -> HttpResponse:
    page = LISTING.page(request, Mailbox.objects.select_related("tenant", "app"))
    return render(request, "mailboxes/list.html", {"page": page})


def mailbox(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = get_object_or_404(Mailbox.objects.select_related("tenant", "app__tenant"), pk=pk)
    user = request.user
    initial = {"recipient": getattr(user, "email", ""), "transport": found.transport}
    context = {"mailbox": found, "form": TestSendForm(initial=initial), "tests": found.deliveries.all()[:10]}
    return render(request, "mailboxes/mailbox.html", context)


def mailbox_add(request: HttpRequest) -> HttpResponse:
    app = AppRegistration.objects.filter(pk=request.GET["app"]).first() if _is_uuid(request.GET.get("app")) else None
    form = MailboxForm(request.POST or None, initial={"app": app, "tenant": app.tenant if app else None})
    return _edit(request, form, _("Add a mailbox"))


def mailbox_edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = get_object_or_404(Mailbox, pk=pk)
    return _edit(request, MailboxForm(request.POST or None, instance=found), found.address)


def _edit(request: HttpRequest, form: MailboxForm, heading: str) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        saved = form.save()
        messages.success(request, _("Saved."))
        return redirect("mailbox", saved.pk)
    return render(request, "partials/edit.html", {"form": form, "heading": heading})


def mailbox_delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    goes_with = _("What was sent from it stays on record. In Microsoft 365 nothing changes.")
    return confirm_delete(request, get_object_or_404(Mailbox, pk=pk), goes_with=goes_with, back_to="mailboxes")


@require_POST
def start_test(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = get_object_or_404(Mailbox.objects.select_related("tenant", "app__tenant"), pk=pk)
    form = TestSendForm(request.POST)
    if not form.is_valid():
        return render(request, "mailboxes/mailbox.html", {"mailbox": found, "form": form}, status=422)
    delivery = test_send.start(
        found, form.cleaned_data["recipient"], transport=form.cleaned_data["transport"] or None, now=timezone.now()
    )
    return redirect("test-send-progress", delivery.pk)


def progress(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The steps as they happen: the page asks again each second while the test is under way."""
    delivery = get_object_or_404(
        Delivery.objects.select_related("mailbox__app__tenant", "mailbox__tenant"), pk=pk, purpose=Purpose.TEST
    )
    attempt = delivery.attempts.last()
    done = {step["step"]: step for step in (attempt.steps if attempt else [])}
    steps = [(label, done.get(name)) for name, label in STEPS]
    is_under_way = delivery.state in UNDER_WAY
    context = {"delivery": delivery, "attempt": attempt, "steps": steps, "is_under_way": is_under_way}
    waited = (timezone.now() - delivery.created_at).total_seconds()
    context["is_slow"] = delivery.state == DeliveryState.PENDING and waited > 10
    template = "mailboxes/steps.html" if getattr(request, "htmx", False) else "mailboxes/progress.html"
    return render(request, template, context)


def _is_uuid(text: str | None) -> bool:
    try:
        UUID(text or "")
    except ValueError:
        return False
    return True
