from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from alertadmin.accounts.access import access_of
from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.reauthentication import recently_confirmed
from alertadmin.accounts.roles import Right
from alertadmin.dashboard.policies.forms import RecipientsForm, ScheduleForm, TimingForm
from alertadmin.dashboard.policies.services import save
from alertadmin.dashboard.ui.notified_people import list_notified_channels, list_notified_people
from alertadmin.monitoring import owner_notices
from alertadmin.outbox.channels import health
from alertadmin.outbox.channels.health import ChannelHealth
from alertadmin.outbox.models import Channel
from alertadmin.registry.models import AppRegistration, Tenant
from alertadmin.reminders import policies, recipients
from alertadmin.reminders.models import Level, Policy, Recipient

MOST_CHANNELS = 50


@require_right(Right.LOOK, posting=Right.GOVERN, in_all_tenants=True)
@recently_confirmed("POST")
def of_the_installation(request: HttpRequest) -> HttpResponse:
    return _policy(request, None, None, back="policies")


@require_right(Right.LOOK, posting=Right.CHANGE, of=Tenant)
def of_a_tenant(request: HttpRequest, pk: UUID) -> HttpResponse:
    return _policy(request, get_object_or_404(Tenant, pk=pk), None, back="tenant-policy")


@require_right(Right.LOOK, posting=Right.CHANGE, of=AppRegistration)
def of_an_app(request: HttpRequest, pk: UUID) -> HttpResponse:
    app = get_object_or_404(AppRegistration.objects.select_related("tenant"), pk=pk)
    return _policy(request, app.tenant, app, back="app-policy")


def _policy(request: HttpRequest, tenant: Tenant | None, app: AppRegistration | None, *, back: str) -> HttpResponse:
    scope: dict[str, Any] = {"tenant": None if app else tenant, "app": app}
    own = Policy.objects.filter(**scope).first()
    in_force = policies.effective_policy(tenant, app)
    data = request.POST or None
    people = RecipientsForm(data, prefix="people", initial=_people(scope))
    plan = ScheduleForm.showing(own, in_force.plan_as_set, data)
    timing = TimingForm.showing(own, in_force.timing, data)
    forms = (people, plan, timing)
    if request.method == "POST" and all([form.is_valid() for form in forms]):  # noqa: C419 (each part says what is wrong with it)
        with transaction.atomic():
            saved = save(scope["tenant"], app, people, plan, timing)
            if tenant is None:
                owner_notices.notify_owners(saved, timezone.now())
        messages.success(request, _("Saved. It applies from the next scan."))
        return redirect(back, *([(app or tenant).pk] if app or tenant else []))  # type: ignore[union-attr]
    own_channels = health.with_attempts(Channel.objects.filter(**scope).defer("address", "signing_key"))
    context = {
        "tenant": tenant,
        "app": app,
        "people": people,
        "plan": plan,
        "timing": timing,
        "in_force": in_force,
        "recipients": list_notified_people(access_of(request), tenant, app) if tenant else None,
        "recipient_channels": list_notified_channels(access_of(request), tenant, app) if tenant else None,
        "channels": [(channel, ChannelHealth.of(channel)) for channel in own_channels[:MOST_CHANNELS]],
        "channels_more": own_channels[MOST_CHANNELS : MOST_CHANNELS + 1].exists(),
        "administrators": [] if tenant else recipients.administrators(),
        "has_errors": any(form.errors for form in forms),
    }
    return render(request, "policies/policy.html", context, status=422 if context["has_errors"] else 200)


def _people(scope: dict[str, Any]) -> dict[str, str]:
    rows = list(Recipient.objects.filter(**scope))
    return {
        name: "\n".join(row.email for row in rows if row.line == line)
        for name, line in (("first", Level.FIRST), ("next", Level.NEXT))
    }
