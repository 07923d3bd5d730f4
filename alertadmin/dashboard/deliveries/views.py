from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import wraps
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alertadmin.accounts.access import Access, access_of
from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.models import User
from alertadmin.accounts.reauthentication import recently_confirmed
from alertadmin.accounts.roles import Right
from alertadmin.dashboard.channels.failure_help import explain_failure
from alertadmin.dashboard.deliveries.attempts import shown_attempts, shows_cause, shows_reason, shows_route
from alertadmin.dashboard.deliveries.contents import read_contents
from alertadmin.dashboard.ui.decorators import post_only
from alertadmin.dashboard.ui.tables import Column, Filter, Table
from alertadmin.outbox import mail_limits
from alertadmin.outbox.channels.dispatch import TRANSPORT
from alertadmin.outbox.delivery.next_route import next_route
from alertadmin.outbox.delivery.route_policy import OWNERS_ONLY
from alertadmin.outbox.mails import composers
from alertadmin.outbox.models import AttemptOutcome, Delivery, DeliveryState, Purpose
from alertadmin.outbox.queue import claims, manual_actions, wakeup

OPEN, WRONG = "open", "wrong"
NO_TEST = "no-test"
UNDECIDED = (DeliveryState.PENDING, DeliveryState.UNCERTAIN)
"""States in which a user may set the outcome."""
TOGETHER: dict[str, Sequence[str]] = {
    WRONG: [DeliveryState.FAILED, DeliveryState.UNCERTAIN],
}
STILL_OPEN = claims.CLAIMABLE | Q(state=DeliveryState.SENDING)
LISTING = Table(
    name="deliveries",
    columns=(
        Column(gettext_lazy("Created"), "created_at"),
        Column(gettext_lazy("To"), "recipient"),
        Column(gettext_lazy("Subject"), key="subject", is_fixed=True),
        Column(gettext_lazy("Status"), key="state"),
    ),
    search=("recipient", "subject"),
    filters={
        "state": Filter(
            gettext_lazy("Status"),
            [
                (OPEN, gettext_lazy("Waiting or being sent")),
                (WRONG, gettext_lazy("Failed or uncertain")),
                *DeliveryState.choices,
            ],
            lambda chosen: STILL_OPEN if chosen == OPEN else Q(state__in=TOGETHER.get(chosen, [chosen])),
        ),
        "purpose": Filter(
            gettext_lazy("Purpose"),
            [(NO_TEST, gettext_lazy("All but test sends")), *Purpose.choices],
            lambda chosen: ~Q(purpose=Purpose.TEST) if chosen == NO_TEST else Q(purpose=chosen),
        ),
    },
    default="-created_at",
)


@require_right(Right.LOOK)
def deliveries(request: HttpRequest) -> HttpResponse:
    access = access_of(request)
    page = LISTING.page(request, access.visible(Delivery.objects.defer("text", "html", "attachments")))
    for one in page.rows:
        one.shows_cause = shows_cause(one, access)
    return render(request, "deliveries/list.html", {"page": page})


@require_right(Right.LOOK, of=Delivery)
def delivery(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = get_object_or_404(
        Delivery.objects.select_related("mailbox__app__tenant", "mailbox__tenant", "channel"), pk=pk
    )
    now, access = timezone.now(), access_of(request)
    contents, more_count = read_contents(found, now)
    attempts = shown_attempts(found, access)
    accepted = next((one.attempt for one in attempts if one.attempt.outcome == AttemptOutcome.ACCEPTED), None)
    is_open = found.state in (*UNDECIDED, DeliveryState.SENDING) and found.settled_at is None
    waits = is_open and found.state != DeliveryState.SENDING
    route = next_route(found, now) if waits else None
    context = {
        "delivery": found,
        "attempts": attempts,
        "shows_reason": shows_reason(found, attempts, access),
        "meaning": explain_failure(found.cause, found.reason),
        "by_last_resort": bool(accepted and accepted.transport == TRANSPORT and not found.uses_channel),
        "contents": contents,
        "more_count": more_count,
        "can_send_now": manual_actions.can_send_now(found, now),
        "is_undecided": found.state in UNDECIDED and found.purpose != Purpose.TEST,
        "may_end": may_end(access, found),
        "is_open": is_open,
        "next_route": route,
        "shows_route": shows_route(route, access),
    }
    return render(request, "deliveries/delivery.html", context)


@require_right(Right.OPERATE, of=Delivery)
@post_only(back="delivery")
def retry_now(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Retry now, for an operator who has fixed the cause."""
    now, asked = timezone.now(), False
    found = get_object_or_404(Delivery, pk=pk)
    if manual_actions.can_send_now(found, now):
        try:
            with transaction.atomic():
                if isinstance(request.user, User):
                    count_repeat(found, request.user, now)
                asked = manual_actions.send_now(pk, now)
        except mail_limits.TooManyMails as refused:
            messages.error(request, refused.messages[0])
            return redirect("delivery", pk)
    if asked:
        wakeup.notify_worker()
        messages.success(request, _("Sending is retried now."))
    else:
        messages.error(request, _("It cannot be sent now: it is being sent, is finished, or is waiting for a server."))
    return redirect("delivery", pk)


def count_repeat(found: Delivery, by: User, now: datetime) -> None:
    """Count a possible duplicate against the limits of the user. Raises TooManyMails."""
    if found.was_uncertain and found.channel is None:
        mail_limits.count_mail(by, composers.owner_of(found), found.recipient, now)
    elif found.was_uncertain and found.channel is not None:
        tenant = found.channel.app.tenant_id if found.channel.app else found.channel.tenant_id
        mail_limits.count_for_channel(by, tenant, found.channel.pk, found.channel.hint, now)


def may_end(access: Access, found: Delivery) -> bool:
    """Whether the user may end the delivery. Mails to owners are for owners: an intruder could silence a warning."""
    return found.purpose not in OWNERS_ONLY or access.in_all_tenants(Right.GOVERN)


Act = Callable[[HttpRequest, UUID], HttpResponse]


def _guard_end(act: Act) -> Act:
    """Check the right to end a delivery, with reauthentication for mails to owners. Raises PermissionDenied."""
    asking = recently_confirmed("POST")(act)

    @wraps(act)
    def ending(request: HttpRequest, pk: UUID) -> HttpResponse:
        found = get_object_or_404(Delivery, pk=pk)
        if not may_end(access_of(request), found):
            raise PermissionDenied
        return asking(request, pk) if found.purpose in OWNERS_ONLY else act(request, pk)

    return ending


@require_right(Right.OPERATE, of=Delivery)
@post_only(back="delivery")
@_guard_end
def confirm_arrived(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Mark as delivered, for an operator who has asked the recipient or looked into the mailbox."""
    if manual_actions.confirm_arrived(pk, timezone.now()):
        messages.success(request, _("It is marked as delivered and is not sent again."))
    else:
        messages.error(request, _has_changed())
    return redirect("delivery", pk)


@require_right(Right.OPERATE, of=Delivery)
@_guard_end
def give_up(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Cancel after a confirmation page: a cancelled delivery is not repeated for its threshold."""
    found = get_object_or_404(Delivery, pk=pk)
    if request.method != "POST":
        return render(request, "deliveries/give_up.html", {"delivery": found})
    if manual_actions.give_up(pk, timezone.now()):
        messages.success(request, _("The delivery is cancelled."))
    else:
        messages.error(request, _has_changed())
    return redirect("delivery", pk)


def _has_changed() -> str:
    return _("Nothing was changed: it is being sent, or has finished in the meantime.")
