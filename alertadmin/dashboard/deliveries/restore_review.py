"""Review after a restore: mails that may already have been sent are withheld for a day. A user marks them as sent or
sends them, all or per recipient; without a decision they are sent automatically."""

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
"""Recipients listed."""
SEND, MARK_AS_SENT = "send", "told"


@require_right(Right.LOOK, posting=Right.OPERATE, in_all_tenants=True)
def review(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        _decide(request)
        return redirect("review")
    now = timezone.now()
    waiting_count = reviewing.awaiting_review(now).count()
    rows = reviewing.by_recipient(now)[: MOST + 1]
    found = [reviewing.HeldReminders(*row[:5]) for row in rows]
    context = {
        "found": found[:MOST],
        "is_cut": len(found) > MOST,
        "count": waiting_count,
        "last": reviewing.last_restore(),
    }
    return render(request, "deliveries/review.html", context)


def _decide(request: HttpRequest) -> None:
    """Apply the decision to one recipient (`recipient` or `label`) or to all. Marking as sent drops reminders
    permanently, so for all at once it needs `sure`."""
    now, act, data = timezone.now(), request.POST.get("act"), request.POST
    found = reviewing.awaiting_review(now)
    is_one = "recipient" in data
    to = data.get("label") or data.get("recipient", "")
    if is_one:
        found = found.filter(recipient=data["recipient"], channel_label=data.get("label", ""))
    if act == SEND:
        count = reviewing.send(found, now, to=to)
        messages.success(request, _sent_text(count) if count else _nothing_left())
    elif act == MARK_AS_SENT and not is_one and "sure" not in data:
        messages.error(request, _("Tick the box to confirm: they will not be notified again. Nothing was changed."))
    elif act == MARK_AS_SENT and isinstance(request.user, User):
        count = reviewing.mark_notified(found, request.user.email, now, to=to)
        messages.success(request, _cancelled_text(count) if count else _nothing_left())


def _sent_text(count: int) -> str:
    return ngettext("%(count)d mail is being sent now.", "%(count)d mails are being sent now.", count) % {
        "count": count
    }


def _cancelled_text(count: int) -> str:
    return ngettext(
        "%(count)d mail was cancelled and counts as already sent.",
        "%(count)d mails were cancelled and count as already sent.",
        count,
    ) % {"count": count}


def _nothing_left() -> str:
    return _("Nothing is waiting any more: it was sent, or another user has decided.")
