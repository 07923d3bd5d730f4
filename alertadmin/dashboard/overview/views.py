from __future__ import annotations

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from alertadmin.accounts.access import access_of
from alertadmin.accounts.decorators import login_only
from alertadmin.accounts.models import User
from alertadmin.accounts.services import role_grants
from alertadmin.bulk.models import BulkJob
from alertadmin.dashboard.overview.action_items import find_action_items
from alertadmin.dashboard.overview.timeline import timeline
from alertadmin.dashboard.setup_wizard.directory import unfinished_guides
from alertadmin.outbox.queue import claims
from alertadmin.outbox.queue.backlog import estimate
from alertadmin.registry.models import AppRegistration, Credential, Mailbox, Tenant

DUE = timedelta(days=30)
SHOWN_JOBS = 3
NAMED = 3
"""Tenants named; the others are counted."""


@login_only
def overview(request: HttpRequest) -> HttpResponse:
    """Start page after sign-in. A user without a role sees how to get one."""
    now, access = timezone.now(), access_of(request)
    assert isinstance(request.user, User)  # noqa: S101 (signed in, by the middleware)
    pending = None if request.user.is_proven else role_grants.pending_roles(request.user, now)
    if not access.in_any_tenant():
        return render(request, "overview/no_role.html", {"pending": pending})
    watched = access.visible(Credential.objects.watched())
    next_end = watched.filter(expires_at__gt=now).order_by("expires_at").select_related("app__tenant").defer("value")
    tenants = access.visible(Tenant)
    count = tenants.count()
    tenant_names = [] if access.in_all_tenants() else list(tenants.values_list("name", flat=True)[:NAMED])
    context = {
        "pending": pending,
        "tenant_names": tenant_names,
        "more_tenants": count - len(tenant_names),
        "action_items": find_action_items(now, access),
        "unfinished_setups": unfinished_guides(request),
        "running_jobs": BulkJob.objects.running().filter(user=request.user)[:SHOWN_JOBS],
        "next": next_end.first(),
        "backlog": estimate(now) if access.in_all_tenants() else None,
        "timeline": timeline(now, watched),
        "open_deliveries": access.visible(claims.open_deliveries()).count(),
        "counts": {
            "tenants": count,
            "apps": access.visible(AppRegistration).count(),
            "credentials": watched.count(),
            "due": watched.filter(expires_at__lte=now + DUE).count(),
            "mailboxes": access.visible(Mailbox).count(),
        },
    }
    return render(request, "overview/overview.html", context)
