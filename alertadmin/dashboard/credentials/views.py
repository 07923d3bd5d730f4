from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from alertadmin import audit
from alertadmin.accounts.access import access_of
from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.roles import Right
from alertadmin.audit import AuditAction
from alertadmin.crypto import decryption
from alertadmin.crypto.keyring import KeyringError
from alertadmin.dashboard.credentials.forms import CredentialForm, SecretForm
from alertadmin.dashboard.credentials.lifetime_bar import LifetimeBar
from alertadmin.dashboard.credentials.responses import say_stored, verification_response
from alertadmin.dashboard.credentials.table import credentials_table
from alertadmin.dashboard.ui.confirm_delete import confirm_delete
from alertadmin.dashboard.ui.decorators import post_only
from alertadmin.dashboard.ui.entra_links import portal_links
from alertadmin.dashboard.ui.kept_secrets import keeps_secrets
from alertadmin.dashboard.ui.notified_people import list_notified_channels, list_notified_people
from alertadmin.outbox.models import Delivery
from alertadmin.registry.credentials import certificates, rotation
from alertadmin.registry.models import AppRegistration, Credential, CredentialState
from alertadmin.registry.registration import add_credential
from alertadmin.reminders import policies, snoozes
from alertadmin.reminders.models import ReminderLine
from alertadmin.reminders.rules import forecast
from alertadmin.stored_messages import render_error

MAX_REMINDER_LINES = 30
"""Sent reminders that the page lists, the latest."""
MAX_SNOOZES = 10


@require_right(Right.LOOK)
def credentials(request: HttpRequest) -> HttpResponse:
    found = access_of(request).visible(Credential.objects.select_related("app__tenant").defer("value", "certificate"))
    return render(request, "credentials/list.html", {"page": credentials_table(timezone.now()).page(request, found)})


@require_right(Right.LOOK, of=Credential)
def credential(request: HttpRequest, pk: UUID) -> HttpResponse:
    now, access = timezone.now(), access_of(request)
    found = get_object_or_404(Credential.objects.select_related("app__tenant"), pk=pk)
    notices = ReminderLine.objects.filter(reminder__credential=found, delivery__in=access.visible(Delivery))
    watched = found.state != CredentialState.RETIRED
    context = {
        "credential": found,
        "may_be_used": found.state in rotation.NOT_IN_USE,
        "may_be_monitored": not watched and not found.is_expired(now),
        "lifetime": LifetimeBar.of(found, now),
        "siblings": found.app.credentials.exclude(pk=pk).defer("value", "certificate"),
        "links": portal_links(("credentials",), found.app.tenant, found.app),
        "upcoming": forecast.for_credential(found, now) if watched else [],
        "in_force": policies.effective_policy(found.app.tenant, found.app) if watched else None,
        "people": list_notified_people(access, found.app.tenant, found.app) if watched else None,
        "channels": list_notified_channels(access, found.app.tenant, found.app) if watched else None,
        "active_snoozes": snoozes.active_for(found, now) if watched else [],
        "snoozes": found.snoozes.all()[:MAX_SNOOZES],
        "reminder_lines": notices.select_related("reminder", "delivery").order_by("-pk")[:MAX_REMINDER_LINES],
        "thumbprints": certificates.thumbprints(found.certificate) if found.certificate else None,
        "is_readable": decryption.is_readable(found.value) if found.value else None,
    }
    return render(request, "credentials/credential.html", context)


@require_right(Right.CHANGE, of=Credential)
def credential_edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = get_object_or_404(Credential.objects.select_related("app__tenant"), pk=pk)
    form = CredentialForm(request.POST or None, credential=found)
    if request.method == "POST" and form.is_valid():
        for name in form.kept:
            setattr(found, name, form.cleaned_data[name])
        with audit.record_change(AuditAction.CREDENTIAL_CHANGED, found):
            found.save(update_fields=form.kept)
        messages.success(request, _("Saved."))
        return redirect("credential", pk)
    heading = _("Edit “%(name)s”") % {"name": found}
    breadcrumbs = [found.app.tenant, found.app, found]
    context = {"form": form, "heading": heading, "breadcrumbs": breadcrumbs, "back": found.get_absolute_url()}
    return render(request, "partials/edit.html", context)


@require_right(Right.CHANGE, of=Credential)
def credential_delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    consequence = _("Its reminders stop. In Entra it stays.")
    return confirm_delete(request, get_object_or_404(Credential, pk=pk), consequence=consequence, back_to="credentials")


@require_right(Right.CHANGE, of=AppRegistration)
@keeps_secrets("value")
def credential_add(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Add a secret. The first one of an app is in use at once; a further one waits until it is verified, or is only
    monitored."""
    app = get_object_or_404(AppRegistration.objects.select_related("tenant"), pk=pk)
    return _new_secret(request, app)


@require_right(Right.CHANGE, of=Credential)
@keeps_secrets("value")
def credential_replace(request: HttpRequest, pk: UUID) -> HttpResponse:
    old = get_object_or_404(Credential.objects.select_related("app__tenant"), pk=pk)
    return _new_secret(request, old.app, replaced=old)


def _new_secret(request: HttpRequest, app: AppRegistration, replaced: Credential | None = None) -> HttpResponse:
    initial = {"description": replaced.description} if replaced else None
    form = SecretForm(
        request.POST or None,
        zone=app.tenant.zone,
        initial=initial,
        may_only_monitor=replaced is None and app.current_credential is not None,
    )
    if request.method == "POST" and form.is_valid():
        values = {
            name: form.cleaned_data[name] for name in ("value", "description", "key_id", "starts_at", "expires_at")
        }
        try:
            if form.cleaned_data.get("only_monitor"):
                stored = add_credential(app, **values, state=CredentialState.OTHER)
                messages.success(request, _("The secret is monitored. The one in use stays."))
                return redirect("credential", stored.pk)
            if app.current_credential is None:
                stored = add_credential(app, **values)
                say_stored(request, stored, _("The secret is stored and in use."))
                return redirect("credential", stored.pk)
            return verification_response(request, rotation.rotate(app, **values, now=timezone.now()))
        except ValidationError as error:
            form.add_error(None, error.messages)
        except KeyringError as error:
            form.add_error(None, render_error(error))
    context = {
        "form": form,
        "app": app,
        "replaced": replaced,
        "is_first": app.current_credential is None,
        "links": portal_links(("credentials",), app.tenant, app),
        "back": (replaced or app).get_absolute_url(),
    }
    return render(request, "credentials/new.html", context)


@require_right(Right.CHANGE, of=Credential)
@post_only(back="credential")
def credential_promote(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Verify a waiting credential again and put it into use."""
    found = get_object_or_404(Credential.objects.select_related("app__tenant"), pk=pk)
    if found.state not in rotation.NOT_IN_USE:  # changed by another request
        return redirect("credential", pk)
    return verification_response(request, rotation.promote(found, now=timezone.now()))


@require_right(Right.CHANGE, of=Credential)
@post_only(back="credential")
def credential_retire(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Stop the reminders of a credential that no program uses any more."""
    found = get_object_or_404(Credential.objects.select_related("app").defer("value"), pk=pk)
    if rotation.retire(found):
        messages.success(
            request, _("“%(name)s” is superseded: its reminders stop. In Entra it stays.") % {"name": found}
        )
    return redirect("credential", pk)


@require_right(Right.CHANGE, of=Credential)
@post_only(back="credential")
def credential_monitor(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Send reminders again for a superseded credential that a program may still use."""
    found = get_object_or_404(Credential.objects.select_related("app").defer("value"), pk=pk)
    if rotation.monitor_again(found):
        messages.success(request, _("“%(name)s” is monitored again.") % {"name": found})
    return redirect("credential", pk)
