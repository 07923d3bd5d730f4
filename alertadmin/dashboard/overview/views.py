from __future__ import annotations

from datetime import date, timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from alertadmin.dashboard.overview.timeline import timeline
from alertadmin.outbox.models import Delivery, DeliveryState
from alertadmin.registry.models import (
    AppRegistration,
    Consent,
    ConsentStatus,
    Credential,
    CredentialState,
    Mailbox,
    Tenant,
)
from alertadmin.registry.permissions import Transport
from alertadmin.reminders import scan

SHOWN = 8
EWS_ENDS = date(2027, 4, 1)
ATTENTION = timedelta(days=60)


def overview(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    watched = Credential.objects.filter(state__in=[CredentialState.CURRENT, CredentialState.NEXT])
    ending = watched.filter(expires_at__lte=now + ATTENTION).select_related("app__tenant").defer("value")
    consents = Consent.objects.filter(status__in=[ConsentStatus.ERROR, ConsentStatus.NOT_IN_TOKEN])
    undelivered = Delivery.objects.filter(state__in=[DeliveryState.FAILED, DeliveryState.UNCERTAIN])
    context = {
        "ending": ending.order_by("expires_at", "pk")[:SHOWN],
        "ending_count": ending.count(),
        "consents": consents.select_related("app", "tenant")[:SHOWN],
        "undelivered": undelivered.filter(created_at__gt=now - timedelta(days=14))[:SHOWN],
        "nobody": scan.owed_to_nobody(now).select_related("app__tenant")[:SHOWN],
        "ews": Mailbox.objects.filter(transport=Transport.EWS).count(),
        "ews_days": (EWS_ENDS - now.date()).days,
        "timeline": timeline(now, watched),
        "counts": {
            "tenants": Tenant.objects.count(),
            "apps": AppRegistration.objects.count(),
            "credentials": watched.count(),
            "mailboxes": Mailbox.objects.count(),
        },
    }
    return render(request, "overview/overview.html", context)
