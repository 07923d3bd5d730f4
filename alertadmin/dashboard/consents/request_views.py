"""Request consent: by a link or a mail, with the history of both."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.models import User
from alertadmin.accounts.roles import Right
from alertadmin.dashboard.consents import oauth_state
from alertadmin.dashboard.consents.forms import RequestForm, requests_of
from alertadmin.dashboard.ui.decorators import post_only
from alertadmin.outbox.mail_limits import TooManyMails
from alertadmin.outbox.mails import consent_request as mails_consent_request
from alertadmin.registry.clouds import UnknownName
from alertadmin.registry.consent.admin_consent_url import consent_link
from alertadmin.registry.models import Consent
from alertadmin.stored_messages import render_error

RECENT = 20


def callback_url() -> str:
    return settings.PUBLIC_URL + reverse("consent-return")


@require_right(Right.LOOK, of=Consent)
@require_safe
def consent_ask(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Page with the link for this browser, the link to forward, and the history."""
    consent = get_object_or_404(Consent.objects.select_related("app", "tenant"), pk=pk)
    return page(request, consent, RequestForm(consent=consent))


def page(request: HttpRequest, consent: Consent, form: RequestForm, status: int = 200) -> HttpResponse:
    comes_back = consent.app.redirect_uri == callback_url()
    try:
        link = consent_link(consent, state=oauth_state.create_state(consent.pk, request) if comes_back else "")
        for_others = consent_link(consent)
    except UnknownName:
        link = for_others = ""
    context = {
        "consent": consent,
        "link": link,
        "for_others": for_others,
        "returns_here": comes_back,
        "callback": callback_url(),
        "minutes": int(oauth_state.GOOD_FOR.total_seconds() // 60),
        "changes": consent.changes.all()[:RECENT],
        "callbacks": consent.returns.select_related("by")[:RECENT],
        "form": form,
        "missing": mails_consent_request.missing(consent.app, consent.tenant),
        "requests": requests_of(consent),
        "repeat_after_days": mails_consent_request.MIN_INTERVAL.days,
    }
    return render(request, "consents/ask.html", context, status=status)


@require_right(Right.LOOK, posting=Right.OPERATE, of=Consent)
@post_only(back="consent-ask")
def consent_request(request: HttpRequest, pk: UUID) -> HttpResponse:
    consent = get_object_or_404(Consent.objects.select_related("app__tenant", "tenant"), pk=pk)
    form = RequestForm(request.POST, consent=consent)
    if not form.is_valid():
        return page(request, consent, form, status=422)
    recipient = form.cleaned_data["recipient"]
    assert isinstance(request.user, User)  # noqa: S101 (only who is signed in comes here)
    try:
        mails_consent_request.request_consent(
            consent.app, consent.tenant, recipient, by=request.user, now=timezone.now()
        )
    except mails_consent_request.AlreadyRequested:
        days = mails_consent_request.MIN_INTERVAL.days
        said = _("%(address)s has already been asked. You can send the request again after %(days)d days.")
        messages.info(request, said % {"address": recipient, "days": days})
    except mails_consent_request.NothingToRequest:
        messages.info(request, _("All required permissions are granted: there is nothing to ask for."))
    except UnknownName as error:
        messages.error(request, render_error(error))
    except TooManyMails as refused:
        form.add_error("recipient", refused)
        return page(request, consent, form, status=429)
    else:
        messages.success(request, _("The mail to %(address)s is being sent.") % {"address": recipient})
    return redirect("consent-ask", pk)
