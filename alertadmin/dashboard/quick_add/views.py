from __future__ import annotations

import zoneinfo

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from alertadmin.accounts.access import access_of
from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.roles import Right
from alertadmin.accounts.time_zones import parse_time_zone
from alertadmin.crypto.keyring import KeyringError
from alertadmin.dashboard.quick_add.forms import AppPart, MailboxPart, SecretForm, TenantPart
from alertadmin.dashboard.ui.kept_secrets import keeps_secrets
from alertadmin.dashboard.ui.query_object import get_from_query
from alertadmin.registry import guid
from alertadmin.registry.models import Mailbox, Tenant
from alertadmin.registry.registration import NewRegistration, register
from alertadmin.stored_messages import render_error


@require_right(Right.CHANGE)
@keeps_secrets("secret-value")
def quick_add(request: HttpRequest) -> HttpResponse:
    """One form in four parts; `?tenant=` adds an app to an existing tenant, in three.

    `?client_id=` and `?directory_id=` fill in IDs found in a pasted error (see `diagnosis`).
    """
    known = get_from_query(request, "tenant", Tenant.objects.all())
    if known is None:
        access_of(request).require(Right.CHANGE)
    data = request.POST or None
    zone = getattr(request.user, "time_zone", "UTC")
    directory = {"directory_id": _id(request, "directory_id")}
    tenant = (
        None
        if known
        else TenantPart(data, prefix="tenant", initial={"time_zone": zone, **directory}, access=access_of(request))
    )
    app = AppPart(data, prefix="app", initial={"client_id": _id(request, "client_id")})
    zone_from = "" if known else "tenant-time_zone"
    secret = SecretForm(data, prefix="secret", zone=_zone(request, known), zone_from=zone_from)
    mailbox = MailboxPart(data, prefix="mailbox", access=access_of(request))
    parts = [part for part in (tenant, app, secret, mailbox) if part is not None]
    if request.method == "POST" and all([part.is_valid() for part in parts]):  # noqa: C419 (each says what is wrong with it)
        try:
            done = _register(known, tenant, app, secret, mailbox)
        except ValidationError as error:
            app.add_error(None, error.messages)
        except KeyringError as error:
            secret.add_error(None, render_error(error))
        else:
            messages.success(request, _("Registered. Now check consent, then send a test."))
            return redirect("app", done.app.pk)
    context = {
        "tenant": tenant,
        "app": app,
        "secret": secret,
        "mailbox": mailbox,
        "existing_tenant": known,
        "has_errors": any(part.errors for part in parts),
    }
    return render(request, "quick_add/register.html", context)


@transaction.atomic
def _register(
    known: Tenant | None, tenant: TenantPart | None, app: AppPart, secret: SecretForm, mailbox: MailboxPart
) -> NewRegistration:
    """Register in the existing tenant, or create the tenant first."""
    if not mailbox.cleaned_data["address"]:
        return _register_parts(known, tenant, app, secret, None)
    with mailbox.replace_sender():
        return _register_parts(known, tenant, app, secret, mailbox.save(commit=False))


def _register_parts(
    known: Tenant | None, tenant: TenantPart | None, app: AppPart, secret: SecretForm, box: Mailbox | None
) -> NewRegistration:
    home = tenant.save(commit=False) if tenant else known
    assert home is not None  # noqa: S101 (one of the two is always given)
    return register(
        tenant=home,
        contacts=tenant.cleaned_data["contacts"] if tenant else None,
        app=app.save(commit=False),
        value=secret.cleaned_data["value"],
        description=secret.cleaned_data["description"],
        starts_at=secret.cleaned_data["starts_at"],
        expires_at=secret.cleaned_data["expires_at"],
        mailbox=box,
    )


def _id(request: HttpRequest, name: str) -> str:
    """Return the ID, or an empty string if it is malformed."""
    value = request.GET.get(name, "")
    return guid.normalize(value) if guid.is_guid(value) else ""


def _zone(request: HttpRequest, known: Tenant | None) -> zoneinfo.ZoneInfo:
    if known:
        return known.zone
    try:
        return zoneinfo.ZoneInfo(parse_time_zone(request.POST.get("tenant-time_zone") or "UTC"))
    except ValidationError:
        return zoneinfo.ZoneInfo("UTC")  # the tenant's part of the form reports the error
