"""Step 4, consent in the mailbox's directory: the link, the request by mail, and the check."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from alertadmin.accounts.access import access_of
from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.roles import Right
from alertadmin.dashboard.consents import oauth_state
from alertadmin.dashboard.consents.request_views import callback_url
from alertadmin.dashboard.setup_wizard import progress
from alertadmin.dashboard.setup_wizard.base import go_on, page, step
from alertadmin.dashboard.setup_wizard.mailbox import WizardMailboxForm, consent_request_text, save_mailbox
from alertadmin.dashboard.ui.decorators import post_only
from alertadmin.registry.clouds import UnknownName
from alertadmin.registry.consent.admin_consent_url import consent_link
from alertadmin.registry.consent.checks import check_consent
from alertadmin.registry.models import Consent, ConsentStatus, SetupProgress, SignInAudience
from alertadmin.registry.permissions import Resource

SHARED = (SignInAudience.MULTIPLE_ORGS, SignInAudience.ALL)


@dataclass(frozen=True)
class ConsentLink:
    """Consent link for one resource; Microsoft's consent page grants the app's permissions of that resource."""

    resource: Resource
    consent: Consent
    link: str
    for_others: str


@require_right(Right.CHANGE, of=SetupProgress)
@step("consent")
def guide_consent(request: HttpRequest, guide: SetupProgress) -> HttpResponse:
    """For a multitenant app, ask for the mailbox first: its domain determines the directory."""
    assert guide.app is not None  # noqa: S101 (else it cannot be reached)
    form = None
    if guide.app.audience in SHARED and guide.mailbox is None and guide.app.required_permissions:
        form = WizardMailboxForm(request.POST or None, guide=guide, access=access_of(request))
        if request.method == "POST" and form.is_valid():
            save_mailbox(request, guide, form)
            return redirect("guide-consent", guide.pk)
    consents = progress.consents(guide)
    context = {
        "form": form,
        "consents": consents,
        "consent_links": [] if guide.is_scoped else _consent_links(request, guide, consents),
        "returns_here": guide.app.redirect_uri == callback_url(),
        "minutes": int(oauth_state.GOOD_FOR.total_seconds() // 60),
        "can_check": progress.verified_credential(guide) is not None
        or progress.unverified_credential(guide) is not None,
        "request_words": consent_request_text(guide, [one.permission for one in consents]),
        "next": progress.url(guide, progress.first_open(guide)) if progress.verified_credential(guide) else "",
        "is_granted": bool(consents) and all(one.status == ConsentStatus.GRANTED for one in consents),
    }
    return page(request, guide, "consent", status=422 if form and form.errors else 200, **context)


def _consent_links(request: HttpRequest, guide: SetupProgress, consents: list[Consent]) -> list[ConsentLink]:
    """Consent links, without permissions that this version does not know; none if the clouds file lacks the cloud."""
    links: dict[Resource, ConsentLink] = {}
    for consent in consents:
        resource = consent.resource
        if resource is None or resource in links:
            continue
        comes_back = consent.app.redirect_uri == callback_url()
        try:
            link = consent_link(consent, state=oauth_state.create_state(consent.pk, request) if comes_back else "")
            links[resource] = ConsentLink(resource, consent, link, consent_link(consent))
        except UnknownName:
            return []
    return list(links.values())


@require_right(Right.CHANGE, of=SetupProgress)
@post_only(back="guide-consent")
def guide_check(request: HttpRequest, pk: UUID) -> HttpResponse:
    return _check(request, pk)


@step("consent")
def _check(request: HttpRequest, guide: SetupProgress) -> HttpResponse:
    return go_on(guide) if check(request, guide) else redirect("guide-consent", guide.pk)


def check(request: HttpRequest, guide: SetupProgress) -> bool:
    """Check consent now and report it. True if every required permission is granted."""
    assert guide.app is not None  # noqa: S101
    found = check_consent(guide.app, guide.mailbox_tenant, now=timezone.now())
    if not found:
        return False  # no mailbox in this tenant yet, so nothing to check
    granted = [one for one in found if one.status == ConsentStatus.GRANTED]
    if len(granted) == len(found):
        messages.success(request, _("All required permissions are granted."))
        return True
    if not guide.is_scoped:
        missing = ", ".join(one.permission for one in found if one.status != ConsentStatus.GRANTED)
        messages.warning(request, _("Not granted yet: %(permissions)s.") % {"permissions": missing})
    return False
