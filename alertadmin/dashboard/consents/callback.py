"""Back from Microsoft's consent page: a hint, which only a fresh token proves."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from alertadmin import audit
from alertadmin.accounts.access import access_of
from alertadmin.accounts.decorators import public
from alertadmin.accounts.roles import Right
from alertadmin.audit import AuditAction
from alertadmin.audit.throttle_counter import Limit
from alertadmin.dashboard.consents import oauth_state
from alertadmin.registry.consent.checks import check_consent
from alertadmin.registry.models import CallbackOutcome, Consent, ConsentCallback, ConsentStatus, SetupProgress
from mailer.http.wire_errors import sanitize

MOST_REFUSED = 1000
"""On record; whoever floods the address pushes out his own."""
RETURNS = Limit("refused returns from the consent page", 20, timedelta(hours=1))
"""On record, of one person or about one consent."""
LONGEST_DETAIL = 300
RESULTS = {CallbackOutcome.TAKEN: "done", CallbackOutcome.DECLINED: "failed"}
"""Everything else is refused."""


class CallbackRefused(Exception):
    def __init__(self, outcome: CallbackOutcome, consent: Consent | None = None, nonce: str | None = None) -> None:
        self.outcome, self.consent, self.nonce = outcome, consent, nonce


@public
@never_cache
@require_safe
def consent_return(request: HttpRequest) -> HttpResponse:
    """Where Microsoft's page sends the browser. Version 2 says admin_consent=True even of a refusal: `error` counts."""
    if not request.GET:
        return redirect("consents")
    try:
        consent, nonce = _believed(request)
    except CallbackRefused as refused:
        return _refuse(request, refused)
    error = request.GET.get("error", "")
    outcome = CallbackOutcome.DECLINED if error else CallbackOutcome.TAKEN
    try:
        with transaction.atomic():
            _note(request, outcome, consent, nonce)
    except IntegrityError:
        return _refuse(request, CallbackRefused(CallbackOutcome.REPLAYED, consent))
    if error:
        messages.warning(
            request, _("Consent was not granted: Microsoft's page says “%(error)s”.") % {"error": error[:80]}
        )
    elif not consent.app.credentials.watched().exists():  # type: ignore[attr-defined]
        messages.success(
            request,
            _(
                "Microsoft's page says that it is granted. A token proves it as soon as the app has a secret or a "
                "certificate here."
            ),
        )
    else:
        _say(request, check_consent(consent.app, consent.tenant, now=timezone.now()))
    return redirect(_begun_at(request, consent))


def _begun_at(request: HttpRequest, consent: Consent) -> str:
    """Where the person came from: a guide that waits at this app, else the app's page."""
    guide = SetupProgress.objects.filter(person=request.user.pk, app=consent.app).first()
    return reverse("guide-consent", args=[guide.pk]) if guide else f"{consent.app.get_absolute_url()}#consent"


def _believed(request: HttpRequest) -> tuple[Consent, str]:
    """The consent that was asked for, and the state's nonce. Raises Refused."""
    try:
        come = oauth_state.read(request.GET.get("state", ""))
    except oauth_state.Forged:
        raise CallbackRefused(CallbackOutcome.FORGED) from None
    except oauth_state.Expired:
        raise CallbackRefused(CallbackOutcome.EXPIRED) from None
    consent = Consent.objects.select_related("app__tenant", "tenant").filter(pk=come.consent).first()
    if not come.is_of(request) or consent is None or not access_of(request).may(Right.LOOK, consent):
        raise CallbackRefused(CallbackOutcome.FOREIGN, consent)
    named = request.GET.get("tenant", "").lower()
    if "error" not in request.GET and named != consent.tenant.directory_id:
        raise CallbackRefused(CallbackOutcome.MIXED_UP, consent, come.nonce)
    return consent, come.nonce


def _say(request: HttpRequest, found: list[Consent]) -> None:
    if found and all(consent.status == ConsentStatus.GRANTED for consent in found):
        messages.success(request, _("Granted: a fresh token shows every wanted permission."))
    else:
        messages.warning(
            request,
            _(
                "Microsoft's page says that it is granted; a fresh token does not show all of it yet. "
                "Check again in a few minutes."
            ),
        )


def _refuse(request: HttpRequest, refused: CallbackRefused) -> HttpResponse:
    """On the record, and nothing else. Whoever decided it in a browser of their own is not accused: with somebody's
    state, or with none, as in the link that is given to others. Who granted is thanked, who declined is told so."""
    try:
        with transaction.atomic():
            _note(request, refused.outcome, refused.consent, refused.nonce)
    except IntegrityError:
        _note(request, CallbackOutcome.REPLAYED, refused.consent, None)
    stale = ConsentCallback.objects.exclude(outcome=CallbackOutcome.TAKEN).values_list("pk", flat=True)[MOST_REFUSED:]
    ConsentCallback.objects.filter(pk__in=list(stale)).delete()
    is_guest = not request.user.is_authenticated and "state" not in request.GET
    is_of_others = is_guest or refused.outcome == CallbackOutcome.FOREIGN
    context = {
        "outcome": refused.outcome,
        "is_thanked": is_of_others and "error" not in request.GET,
        "is_declined": is_of_others and "error" in request.GET,
        "consent": refused.consent if request.user.is_authenticated else None,
    }
    status = 200 if is_of_others else 400
    return render(request, "consents/returned.html", context, status=status)


@transaction.atomic
def _note(request: HttpRequest, outcome: CallbackOutcome, consent: Consent | None, nonce: str | None) -> None:
    """Of strangers who bring nothing of ours nothing is kept; of what can be sent again and again, so many an hour."""
    if outcome not in RESULTS:
        known_by = _known_by(request, consent)
        if not known_by or RETURNS.acquire(known_by, timezone.now()):
            return
    said = " ".join(request.GET.get(name, "") for name in ("error", "error_description", "tenant"))
    came = ConsentCallback.objects.create(
        consent=consent,
        outcome=outcome,
        by=request.user if request.user.is_authenticated else None,
        nonce=nonce,
        detail=sanitize(said, LONGEST_DETAIL),
        at=timezone.now(),
    )
    audit.record(
        AuditAction.CONSENT_RETURNED, consent, result=RESULTS.get(outcome, "refused"), state=outcome, entry=came.pk
    )


def _known_by(request: HttpRequest, consent: Consent | None) -> str:
    """By what a return that is refused is ours at all: its person, or the consent that its state is of."""
    if request.user.is_authenticated:
        return f"person {request.user.pk}"
    return f"consent {consent.pk}" if consent else ""
