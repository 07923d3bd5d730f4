from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alertadmin import audit
from alertadmin.accounts.access import Access, access_of
from alertadmin.accounts.decorators import login_only
from alertadmin.accounts.reauthentication import recently_confirmed
from alertadmin.accounts.roles import Right
from alertadmin.audit import AuditAction
from alertadmin.dashboard.ui.decorators import post_only
from alertadmin.dashboard.ui.model_picker_field import ModelPickerField
from alertadmin.registry.models import Tenant
from alertadmin.reminders.calendar import feeds
from alertadmin.reminders.models import CalendarFeed

MOST = 50
"""Limit of calendars per user."""
PREVIEW = 5


class NewForm(forms.Form):
    tenant = ModelPickerField(
        Tenant.objects.order_by("name"),
        by=("name", "directory_id", "id"),
        label=gettext_lazy("What it shows"),
        required=False,
        empty_label=gettext_lazy("All tenants"),
    )

    def __init__(self, *args: Any, access: Access, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["tenant"].fit(access, Right.LOOK)  # type: ignore[attr-defined]


@login_only
@recently_confirmed("POST")
def calendars(request: HttpRequest) -> HttpResponse:
    """List the user's calendars. A new address appears in this response only: not in a session or another page."""
    data = request.POST if request.method == "POST" else None
    form = NewForm(data, access=access_of(request), initial={"tenant": request.GET.get("tenant", "")})
    mine = _mine(request)
    if request.method == "POST" and form.is_valid():
        if mine.filter(revoked_at=None).count() < MOST:
            feed = CalendarFeed(owner=request.user, tenant=form.cleaned_data["tenant"], created_at=timezone.now())  # type: ignore[misc]
            return _with_address(request, feed)
        form.add_error(None, _("You can have %(most)d calendars at most. Revoke one first.") % {"most": MOST})
    status = 422 if form.errors else 200
    return render(request, "calendars/calendars.html", {"form": form, "feeds": mine[: 2 * MOST]}, status=status)


@login_only
def calendar(request: HttpRequest, pk: UUID) -> HttpResponse:
    return _page(request, get_object_or_404(_mine(request), pk=pk))


@login_only
@recently_confirmed("POST")
@post_only(back="calendar")
def renew(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Replace the address; the old one stops working."""
    return _with_address(request, get_object_or_404(_mine(request), pk=pk, revoked_at=None))


@login_only
@post_only(back="calendar")
def revoke(request: HttpRequest, pk: UUID) -> HttpResponse:
    if feed := _mine(request).filter(pk=pk, revoked_at=None).first():
        with transaction.atomic():
            audit.record(AuditAction.CALENDAR_REVOKED, feed)
            CalendarFeed.objects.filter(pk=pk).update(revoked_at=timezone.now())
        messages.success(request, _("The address of this calendar no longer works."))
    return redirect("calendars")


def _mine(request: HttpRequest) -> QuerySet[CalendarFeed]:
    mine = CalendarFeed.objects.filter(owner=request.user)  # type: ignore[misc]
    return mine.select_related("tenant", "owner").order_by("revoked_at", "created_at", "id")


def _with_address(request: HttpRequest, feed: CalendarFeed) -> HttpResponse:
    """Write the audit entry first: everything that revokes a calendar takes the same lock
    (reminders.calendar.revocation), so a calendar revoked in between is seen here and stays revoked. Raises Http404."""
    token, is_new = feed.give_token(timezone.now()), feed._state.adding
    with transaction.atomic():
        audit.record(AuditAction.CALENDAR_CREATED if is_new else AuditAction.CALENDAR_RENEWED, feed)
        if is_new:
            feed.save()
        elif not _mine(request).filter(pk=feed.pk, revoked_at=None).exists():
            raise Http404
        else:
            feed.save(update_fields=["digest", "renewed_at", "fetched_at"])
    return _page(request, feed, settings.PUBLIC_URL + reverse("calendar-feed", args=[token]))


def _page(request: HttpRequest, feed: CalendarFeed, address: str = "") -> HttpResponse:
    shown = feeds.content_of(feed, timezone.now())
    context = {
        "feed": feed,
        "address": address,
        "webcal": f"webcal:{address.partition(':')[2]}" if address else "",
        "name": feeds.title(feed),
        "count": len(shown.ends),
        "preview": shown.ends[:PREVIEW],
        "more": len(shown.ends[PREVIEW:]),
        "is_local": not settings.PUBLIC_URL.startswith("https:"),
    }
    return render(request, "calendars/calendar.html", context)
