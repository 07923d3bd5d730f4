from __future__ import annotations

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from alertadmin.accounts.access import access_of
from alertadmin.accounts.declaring import allows
from alertadmin.accounts.roles import Right
from alertadmin.dashboard.guide.directory import guides_of
from alertadmin.dashboard.overview.needs import needs
from alertadmin.dashboard.overview.timeline import timeline
from alertadmin.outbox.drain import drain
from alertadmin.outbox.models import Delivery, DeliveryState
from alertadmin.registry.models import AppRegistration, Credential, Mailbox, Tenant

DUE = timedelta(days=30)
WAITING = (DeliveryState.PENDING, DeliveryState.SENDING)


@allows(Right.LOOK)
def overview(request: HttpRequest) -> HttpResponse:
    now, access = timezone.now(), access_of(request)
    watched = access.rows(Credential.objects.watched())
    next_end = watched.filter(expires_at__gt=now).order_by("expires_at").select_related("app__tenant").defer("value")
    context = {
        "needs": needs(now, access),
        "begun": guides_of(request),
        "next": next_end.first(),
        "drain": drain(now) if access.everywhere() else None,
        "timeline": timeline(now, watched),
        "waiting": access.rows(Delivery).filter(state__in=WAITING).count(),
        "counts": {
            "tenants": access.rows(Tenant).count(),
            "apps": access.rows(AppRegistration).count(),
            "credentials": watched.count(),
            "due": watched.filter(expires_at__lte=now + DUE).count(),
            "mailboxes": access.rows(Mailbox).count(),
        },
    }
    return render(request, "overview/overview.html", context)
