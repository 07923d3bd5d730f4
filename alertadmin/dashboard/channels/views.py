from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache

from alertadmin import audit
from alertadmin.accounts.access import access_of
from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.reauthentication import recently_confirmed
from alertadmin.accounts.roles import Right
from alertadmin.audit import AuditAction
from alertadmin.crypto.keyring import KeyringError
from alertadmin.dashboard.channels import service_catalog
from alertadmin.dashboard.channels.failure_help import explain_failure
from alertadmin.dashboard.channels.forms import ChannelForm
from alertadmin.dashboard.ui.decorators import post_only
from alertadmin.dashboard.ui.kept_secrets import forget_secrets, keeps_secrets
from alertadmin.dashboard.ui.query_object import get_from_query
from alertadmin.dashboard.ui.tables import Column, Filter, Table
from alertadmin.monitoring import owner_notices
from alertadmin.outbox.channels import address_parts, health
from alertadmin.outbox.channels.apprise import confinement
from alertadmin.outbox.channels.health import ChannelHealth
from alertadmin.outbox.mail_limits import TooManyMails
from alertadmin.outbox.models import Channel, Delivery, Purpose
from alertadmin.outbox.send_test import test_send
from alertadmin.registry.models import AppRegistration, Tenant
from alertadmin.reminders import channel_removal
from alertadmin.stored_messages import render_error

SEALED = ("address", "signing_key")
SHOWN = 8
LISTING = Table(
    name="channels",
    columns=(
        Column(gettext_lazy("Name"), "name", is_fixed=True),
        Column(gettext_lazy("Kind"), key="kind"),
        Column(gettext_lazy("Notified for"), key="for"),
        Column(gettext_lazy("Status"), key="state"),
        Column(gettext_lazy("Action"), is_hidden=True),
    ),
    search=("name", "label", "hint", "tenant__name", "app__name"),
    filters={
        "of": Filter(
            gettext_lazy("Notified for"),
            [
                ("installation", gettext_lazy("this installation")),
                ("tenant", gettext_lazy("a tenant")),
                ("app", gettext_lazy("an app")),
            ],
            lambda chosen: {
                "tenant": Q(tenant__isnull=False),
                "app": Q(app__isnull=False),
            }.get(chosen, Q(tenant=None, app=None)),
        )
    },
    default="name",
)


def _channels(request: HttpRequest) -> QuerySet[Channel]:
    found = access_of(request).visible(Channel.objects.select_related("tenant", "app__tenant").defer(*SEALED))
    return health.with_attempts(found)


@require_right(Right.LOOK)
def channels(request: HttpRequest) -> HttpResponse:
    page = LISTING.page(request, _channels(request))
    rows = [(channel, ChannelHealth.of(channel)) for channel in page.rows]
    context = {"page": page, "rows": rows, "unconfined": confinement.missing_parts()}
    return render(request, "channels/list.html", context)


@require_right(Right.LOOK, of=Channel)
def channel(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = get_object_or_404(_channels(request), pk=pk)
    health = ChannelHealth.of(found)
    failed = found.attempts.exclude(outcome__in=["open", "accepted"]).last() if health.state == "fails" else None
    recent = found.deliveries.defer("text", "html", "details").order_by("-created_at")
    context = {
        "channel": found,
        "parts": address_parts.described(found.parts or []),
        "health": health,
        "failed": failed,
        "meaning": explain_failure(failed.cause, failed.technical) if failed else "",
        "tests": recent.filter(purpose=Purpose.TEST)[:SHOWN],
        "notifications": recent.exclude(purpose=Purpose.TEST)[:SHOWN],
        "is_signed": Channel.objects.filter(pk=pk, signing_key__isnull=False).exists(),
    }
    return render(request, "channels/channel.html", context)


@require_right(Right.CHANGE)
@never_cache
@keeps_secrets("new_address")
@recently_confirmed("POST")
def channel_add(request: HttpRequest) -> HttpResponse:
    """Add a channel. `?kind=` chooses the kind, else all kinds are listed; `?tenant=` or `?app=` sets its owner."""
    app = get_from_query(request, "app", AppRegistration.objects.select_related("tenant"))
    tenant = None if app else get_from_query(request, "tenant", Tenant.objects.all())
    if app is None and tenant is None:
        access_of(request).require(Right.GOVERN)
    kind = service_catalog.named(request.GET.get("kind", ""))
    query = f"&app={app.pk}" if app else f"&tenant={tenant.pk}" if tenant else ""
    owner_context = {
        "tenant": tenant,
        "app": app,
        "breadcrumbs": [thing for thing in (app.tenant if app else tenant, app) if thing],
    }
    if kind is None:
        return render(
            request, "channels/choose.html", {**owner_context, "kinds": service_catalog.KINDS, "query": query}
        )
    made = Channel(pk=_sent_id(request), tenant=tenant, app=app)
    if request.method == "POST" and Channel.objects.filter(pk=made.pk).exists():
        return redirect("channel", made.pk)  # the form was submitted twice
    form = ChannelForm(request.POST or None, instance=made, kind=kind)
    context = {**owner_context, "query": query, "back": f"{reverse('channel-add')}?{query.removeprefix('&')}"}
    return _edit(request, form, _("Add a channel: %(kind)s") % {"kind": kind.label}, context)


def _sent_id(request: HttpRequest) -> UUID:
    """Return the ID that the empty form proposed, so that a form submitted twice adds one channel."""
    try:
        return UUID(request.POST.get("id", ""))
    except ValueError:
        return uuid4()


@require_right(Right.CHANGE, of=Channel)
@never_cache
@keeps_secrets("new_address")
@recently_confirmed("POST")
def channel_edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = get_object_or_404(Channel.objects.select_related("tenant", "app__tenant"), pk=pk)
    form = ChannelForm(request.POST or None, instance=found, kind=service_catalog.of_service(found.service))
    name = Channel.objects.only("name").get(pk=pk)
    context = {"breadcrumbs": [name], "back": found.get_absolute_url()}
    return _edit(request, form, _("Edit “%(name)s”") % {"name": name}, context)


def _edit(request: HttpRequest, form: ChannelForm, heading: str, context: dict[str, Any]) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                saved = form.save()
                _tell_owners(saved)
        except KeyringError as error:
            form.add_error(None, render_error(error))
        else:
            if form.new_key:
                forget_secrets(request)
                return _show_key(request, saved, form.new_key)
            messages.success(request, _("Saved. Now send a test."))
            return redirect("channel", saved.pk)
    context |= {"form": form, "heading": heading, "kind": form.kind, "id": form.instance.pk}
    return render(request, "channels/edit.html", context, status=422 if form.errors else 200)


def _tell_owners(channel: Channel) -> None:
    """Notify all owners of a changed channel of the installation."""
    if channel.tenant_id is None and channel.app_id is None:
        owner_notices.notify_owners(channel, timezone.now())


def _show_key(request: HttpRequest, found: Channel, key: str) -> HttpResponse:
    return render(request, "channels/key.html", {"channel": found, "key": key})


@require_right(Right.CHANGE, of=Channel)
@never_cache
@recently_confirmed("POST")
@post_only(back="channel")
def channel_key(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Create a new signing key and show it once; the old one is no longer used."""
    found = get_object_or_404(Channel, pk=pk)
    if not found.can_be_signed:
        return redirect("channel", pk)
    try:
        key = found.renew_signing_key()
    except KeyringError as error:
        messages.error(request, render_error(error))
        return redirect("channel", pk)
    with audit.record_change(AuditAction.CHANNEL_KEY_RENEWED, found):
        found.save(update_fields=["signing_key"])
    return _show_key(request, found, key)


@require_right(Right.OPERATE, of=Channel)
@post_only(back="channel")
def channel_test(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = get_object_or_404(Channel.objects.defer(*SEALED), pk=pk)
    try:
        delivery = test_send.start_for_channel(found, by=request.user, now=timezone.now())
    except TooManyMails as refused:
        messages.error(request, refused.messages[0])
        return redirect("channel", pk)
    return redirect("test-send-progress", delivery.pk)


@require_right(Right.CHANGE, of=Channel)
@recently_confirmed("POST")
@post_only(back="channel")
def channel_pause(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Pause or resume the channel."""
    found = get_object_or_404(Channel.objects.defer(*SEALED), pk=pk)
    with audit.record_change(AuditAction.CHANNEL_RESUMED if found.is_paused else AuditAction.CHANNEL_PAUSED, found):
        Channel.objects.filter(pk=pk).update(is_paused=not found.is_paused)
        _tell_owners(found)
    messages.success(request, _("The channel is active again.") if found.is_paused else _("The channel is paused."))
    return redirect("channel", pk)


@require_right(Right.CHANGE, of=Channel)
@recently_confirmed("POST")
def channel_delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = get_object_or_404(Channel.objects.defer(*SEALED), pk=pk)
    if request.method == "POST":
        with transaction.atomic():
            _tell_owners(found)
            channel_removal.remove(found, timezone.now())
        messages.success(request, _("“%(name)s” is deleted.") % {"name": found.name})
        return redirect("channels")
    waiting = Delivery.objects.filter(channel=found, state="pending").count()
    consequence = _("It is no longer notified. Past messages stay on record.")
    context = {"thing": found, "consequence": consequence, "cascade": _waiting(waiting)}
    return render(request, "partials/confirm_delete.html", context)


def _waiting(count: int) -> list[str]:
    words = ngettext("%(count)d message waiting for it", "%(count)d messages waiting for it", count)
    return [words % {"count": count}] if count else []
