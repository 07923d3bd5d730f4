"""Redirect back from Microsoft's consent page. Its parameters are only a hint; a new token is the proof."""

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
"""Refused callbacks kept; more remove the oldest."""
RETURNS = Limit("refused returns from the consent page", 20, timedelta(hours=1))
"""Refused callbacks recorded per hour for one user or one consent."""
LONGEST_DETAIL = 300
RESULTS = {CallbackOutcome.TAKEN: "done", CallbackOutcome.DECLINED: "failed"}
"""All other outcomes are refusals."""


class CallbackRefused(Exception):
    def __init__(self, outcome: CallbackOutcome, consent: Consent | None = None, nonce: str | None = None) -> None:
        self.outcome, self.consent, self.nonce = outcome, consent, nonce


@public
@never_cache
@require_safe
def consent_return(request: HttpRequest) -> HttpResponse:
    """The redirect URI. The v2.0 endpoint sends admin_consent=True even for a refusal, so `error` decides."""
    if not request.GET:
        return redirect("consents")
    try:
        consent, nonce = _verify_state(request)
    except CallbackRefused as refused:
        return _refuse(request, refused)
    error = request.GET.get("error", "")
    outcome = CallbackOutcome.DECLINED if error else CallbackOutcome.TAKEN
    try:
        with transaction.atomic():
            _record_refusal(request, outcome, consent, nonce)
    except IntegrityError:
        return _refuse(request, CallbackRefused(CallbackOutcome.REPLAYED, consent))
    if error:
        messages.warning(
            request, _("Consent was not granted: Microsoft's page says “%(error)s”.") % {"error": error[:80]}
        )
    elif not consent.app.credentials.usable().exists():  # type: ignore[attr-defined]
        messages.success(
            request,
            _(
                "Microsoft's page says that consent is granted. A token confirms it when the app has a secret "
                "or a certificate here."
            ),
        )
    else:
        _show_result(request, check_consent(consent.app, consent.tenant, now=timezone.now()))
    return redirect(_origin_url(request, consent))


def _origin_url(request: HttpRequest, consent: Consent) -> str:
    """URL where the user started: the guide waiting at this app, or else the app's page."""
    guide = SetupProgress.objects.filter(person=request.user.pk, app=consent.app).first()
    return reverse("guide-consent", args=[guide.pk]) if guide else f"{consent.app.get_absolute_url()}#consent"


def _verify_state(request: HttpRequest) -> tuple[Consent, str]:
    """Return the consent and the nonce of a valid state. Raises CallbackRefused."""
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


def _show_result(request: HttpRequest, found: list[Consent]) -> None:
    if found and all(consent.status == ConsentStatus.GRANTED for consent in found):
        messages.success(request, _("Granted: a new token contains all required permissions."))
    else:
        messages.warning(
            request,
            _(
                "Microsoft's page says that consent is granted; a new token does not contain all permissions "
                "yet. Check again in a few minutes."
            ),
        )


def _refuse(request: HttpRequest, refused: CallbackRefused) -> HttpResponse:
    """Record a refused callback and show a neutral page. An administrator who decided in another browser is no
    attacker: with a forwarded link the state is missing or belongs to another user. Thank them for a grant, confirm a
    refusal."""
    try:
        with transaction.atomic():
            _record_refusal(request, refused.outcome, refused.consent, refused.nonce)
    except IntegrityError:
        _record_refusal(request, CallbackOutcome.REPLAYED, refused.consent, None)
    stale = ConsentCallback.objects.exclude(outcome=CallbackOutcome.TAKEN).values_list("pk", flat=True)[MOST_REFUSED:]
    ConsentCallback.objects.filter(pk__in=list(stale)).delete()
    is_guest = not request.user.is_authenticated and "state" not in request.GET
    is_of_others = is_guest or refused.outcome == CallbackOutcome.FOREIGN
    context = {
        "outcome": refused.outcome,
        "shows_thanks": is_of_others and "error" not in request.GET,
        "is_declined": is_of_others and "error" in request.GET,
        "consent": refused.consent if request.user.is_authenticated else None,
    }
    status = 200 if is_of_others else 400
    return render(request, "consents/returned.html", context, status=status)


@transaction.atomic
def _record_refusal(request: HttpRequest, outcome: CallbackOutcome, consent: Consent | None, nonce: str | None) -> None:
    """Record the refusal if it belongs to a known user or consent, up to RETURNS an hour; anonymous requests leave no
    row."""
    if outcome not in RESULTS:
        known_by = _owner_key(request, consent)
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


def _owner_key(request: HttpRequest, consent: Consent | None) -> str:
    """Return the user, or the consent of the state, that a refused callback belongs to; None if neither."""
    if request.user.is_authenticated:
        return f"person {request.user.pk}"
    return f"consent {consent.pk}" if consent else ""
