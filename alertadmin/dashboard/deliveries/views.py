from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext_lazy

from alertadmin.dashboard.listing import Column, Listing
from alertadmin.outbox.models import Delivery, DeliveryState, Purpose

LISTING = Listing(
    columns=(
        Column(gettext_lazy("Created"), "created_at"),
        Column(gettext_lazy("To"), "recipient"),
        Column(gettext_lazy("Subject")),
        Column(gettext_lazy("State")),
    ),
    search=("recipient", "subject"),
    filters={
        "state": (gettext_lazy("State"), DeliveryState.choices),
        "purpose": (gettext_lazy("Purpose"), Purpose.choices),
    },
    default="-created_at",
)


def deliveries(request: HttpRequest) -> HttpResponse:
    found = Delivery.objects.defer("text", "html")
    return render(request, "deliveries/list.html", {"page": LISTING.page(request, found)})


def delivery(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = get_object_or_404(Delivery.objects.select_related("mailbox__app__tenant", "mailbox__tenant"), pk=pk)
    return render(request, "deliveries/delivery.html", {"delivery": found, "attempts": found.attempts.all()})
