from __future__ import annotations

import zoneinfo

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from alertadmin.dashboard.asked import asked
from alertadmin.dashboard.registering.forms import AppPart, MailboxPart, SecretForm, TenantPart
from alertadmin.registry.keyring import KeyRingError
from alertadmin.registry.models import Mailbox, Tenant
from alertadmin.registry.registration import Registration, register
from alertadmin.retelling import retold


@sensitive_post_parameters("secret-value")
def registering(request: HttpRequest) -> HttpResponse:
    """One form in four steps. `?tenant=` adds an app to a tenant that is here already."""
    known = asked(request, "tenant", Tenant.objects.all())
    data = request.POST or None
    zone = getattr(request.user, "time_zone", "UTC")
    tenant = TenantPart(data, prefix="tenant", instance=known, initial={} if known else {"time_zone": zone})
    app = AppPart(data, prefix="app")
    secret = SecretForm(data, prefix="secret", zone=_zone(request, known))
    mailbox = MailboxPart(data, prefix="mailbox")
    forms = [tenant, app, secret, mailbox]
    if request.method == "POST" and all([form.is_valid() for form in forms]):  # noqa: C419 (each part says what is wrong with it)
        try:
            done = _register(tenant, app, secret, mailbox)
        except ValidationError as error:
            app.add_error(None, error.messages)
        except KeyRingError as error:
            secret.add_error(None, retold(str(error)))
        else:
            messages.success(request, _("Registered. Now check consent, then send a test."))
            return redirect("app", done.app.pk)
    context = {
        "tenant": tenant,
        "app": app,
        "secret": secret,
        "mailbox": mailbox,
        "known": known,
        "has_errors": any(form.errors for form in forms),
    }
    return render(request, "registering/register.html", context)


@transaction.atomic
def _register(tenant: TenantPart, app: AppPart, secret: SecretForm, mailbox: MailboxPart) -> Registration:
    box: Mailbox | None = mailbox.save(commit=False) if mailbox.cleaned_data["address"] else None
    return register(
        tenant=tenant.save(commit=False),
        contacts=tenant.cleaned_data["contacts"],
        app=app.save(commit=False),
        value=secret.cleaned_data["value"],
        description=secret.cleaned_data["description"],
        starts_at=secret.cleaned_data["starts_at"],
        expires_at=secret.cleaned_data["expires_at"],
        mailbox=box,
    )


def _zone(request: HttpRequest, known: Tenant | None) -> zoneinfo.ZoneInfo:
    name = request.POST.get("tenant-time_zone") or (known.time_zone if known else "UTC")
    try:
        return zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        return zoneinfo.ZoneInfo("UTC")  # the tenant's part says what is wrong with it
