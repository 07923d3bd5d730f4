from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from alertadmin.dashboard.watching.signs import signs


def watching(request: HttpRequest) -> HttpResponse:
    context = {
        "signs": signs(timezone.now()),
        "ready_url": settings.PUBLIC_URL + reverse("readyz"),
        "pings": settings.PINGS,
    }
    return render(request, "watching/watching.html", context)
