"""What waits because the database was put back from a copy: told already, or to be sent? A person decides, of all of it
or of one recipient, and need not: after a day it leaves by itself."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.models import User
from alertadmin.accounts.roles import Right
from alertadmin.reminders.restore import review as reviewing

MOST = 100
"""Recipients that are listed."""
SEND, TOLD = "send", "told"


@require_right(Right.LOOK, posting=Right.OPERATE, in_all_tenants=True)
def review(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        _decide(request)
        return redirect("review")
    now = timezone.now()
    held = reviewing.held(now).count()
    rows = reviewing.by_recipient(now)[: MOST + 1]
    found = [reviewing.HeldReminders(*row[:5]) for row in rows]
    context = {"found": found[:MOST], "is_cut": len(found) > MOST, "count": held, "last": reviewing.last_restore()}
    return render(request, "deliveries/review.html", context)


def _decide(request: HttpRequest) -> None:
    """`recipient` and `label` name one of those that wait, else all of them are meant. That somebody was told takes his
    reminder from him for good: of all at once it is believed only with `sure`."""
    now, act, data = timezone.now(), request.POST.get("act"), request.POST
    found = reviewing.held(now)
    is_one = "recipient" in data
    to = data.get("label") or data.get("recipient", "")
    if is_one:
        found = found.filter(recipient=data["recipient"], channel_label=data.get("label", ""))
    if act == SEND:
        count = reviewing.send(found, now, to=to)
        messages.success(request, _sent(count) if count else _nothing())
    elif act == TOLD and not is_one and "sure" not in data:
        messages.error(request, _("Tick that you know it: they are not told of it again. Nothing was changed."))
    elif act == TOLD and isinstance(request.user, User):
        count = reviewing.mark_notified(found, request.user.email, now, to=to)
        messages.success(request, _taken_back(count) if count else _nothing())


def _sent(count: int) -> str:
    return ngettext("%(count)d mail leaves now.", "%(count)d mails leave now.", count) % {"count": count}


def _taken_back(count: int) -> str:
    return ngettext(
        "%(count)d mail was taken back: what it tells counts as told.",
        "%(count)d mails were taken back: what they tell counts as told.",
        count,
    ) % {"count": count}


def _nothing() -> str:
    return _("Nothing waits there any more: it has left, or somebody else has decided.")
