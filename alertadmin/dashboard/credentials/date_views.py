"""What a typed date means, for the form that it is typed into."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache

from alertadmin.accounts.decorators import login_only
from alertadmin.accounts.time_zones import parse_time_zone
from alertadmin.dashboard.ui.expiry_field import NAME, read_date


@login_only
@never_cache
def read(request: HttpRequest) -> HttpResponse:
    """The date in words, as a part of a page. By POST, since a secret may be pasted into the wrong field."""
    if request.method != "POST":
        return redirect("credentials")
    name = request.POST.get("field", "")
    text = request.POST.get(name, "") if NAME.fullmatch(name) else ""
    is_expiry = request.POST.get("kind") != "start"
    reading = read_date(text, _zone(request), timezone.now(), is_expiry=is_expiry) if text.strip() else None
    return render(request, "partials/date_reading.html", {"reading": reading, "name": name})


def _zone(request: HttpRequest) -> ZoneInfo:
    typed = request.POST.get(request.POST.get("zone_from", ""), "")
    for name in (typed, request.POST.get("zone", "")):
        try:
            return ZoneInfo(parse_time_zone(name))
        except ValidationError:
            continue
    return ZoneInfo("UTC")
