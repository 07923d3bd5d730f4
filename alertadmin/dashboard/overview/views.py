from __future__ import annotations

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from alertadmin.accounts import role_grants
from alertadmin.accounts.access import access_of
from alertadmin.accounts.declaring import for_oneself
from alertadmin.accounts.models import User
from alertadmin.dashboard.guide.directory import guides_of
from alertadmin.dashboard.overview.needs import needs
from alertadmin.dashboard.overview.timeline import timeline
from alertadmin.outbox import claims
from alertadmin.outbox.drain import drain
from alertadmin.registry.models import AppRegistration, Credential, Mailbox, Tenant

DUE = timedelta(days=30)
NAMED = 3
"""So many tenants; the others are counted."""


@for_oneself
def overview(request: HttpRequest) -> HttpResponse:
    """Where everybody comes first: whoever has no role yet is told what to do about it."""
    now, access = timezone.now(), access_of(request)
    assert isinstance(request.user, User)  # noqa: S101 (signed in, by the middleware)
    pending = None if request.user.is_proven else role_grants.waiting(request.user, now)
    if not access.anywhere():
        return render(request, "overview/no_role.html", {"pending": pending})
    watched = access.rows(Credential.objects.watched())
    next_end = watched.filter(expires_at__gt=now).order_by("expires_at").select_related("app__tenant").defer("value")
    tenants = access.rows(Tenant)
    count = tenants.count()
    whose = [] if access.everywhere() else list(tenants.values_list("name", flat=True)[:NAMED])
    context = {
        "pending": pending,
        "whose": whose,
        "others": count - len(whose),
        "needs": needs(now, access),
        "begun": guides_of(request),
        "next": next_end.first(),
        "drain": drain(now) if access.everywhere() else None,
        "timeline": timeline(now, watched),
        "waiting": access.rows(claims.open_deliveries()).count(),
        "counts": {
            "tenants": count,
            "apps": access.rows(AppRegistration).count(),
            "credentials": watched.count(),
            "due": watched.filter(expires_at__lte=now + DUE).count(),
            "mailboxes": access.rows(Mailbox).count(),
        },
    }
    return render(request, "overview/overview.html", context)
