"""One-time links: created and revoked on the settings sheet, opened by a person without an account."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables

from alertadmin.accounts.decorators import public, require_right
from alertadmin.accounts.models import User
from alertadmin.accounts.reauthentication import recently_confirmed
from alertadmin.accounts.roles import Right
from alertadmin.crypto.keyring import Unreadable
from alertadmin.dashboard.settings_sheet.forms import LIFETIMES, LinkForm
from alertadmin.dashboard.settings_sheet.programs import Sheet, Values, program_of
from alertadmin.dashboard.settings_sheet.views import app_and_mailboxes, chosen, sheet_without_post
from alertadmin.registry.clouds import UnknownCloud
from alertadmin.registry.credentials import one_time_link
from alertadmin.registry.models import AppRegistration, Credential, Mailbox, OneTimeLink


@require_right(Right.HAND_OVER, of=AppRegistration)
@never_cache
@recently_confirmed("POST")
@sensitive_variables("token", "address")
def create_link(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Create a link and show it once; its token is not stored."""
    if request.method != "POST":
        return redirect("app-sheet", pk)
    app, mailboxes = app_and_mailboxes(request, pk)
    form, mailbox = LinkForm(request.POST, prefix="link"), chosen(request, mailboxes)
    if token := _create_link(request, app.current_credential, mailbox, form):
        address = settings.PUBLIC_URL + reverse("secret-link", args=[token])
        context = {"app": app, "address": address, "recipient": form.cleaned_data["recipient"]}
        return render(request, "settings_sheet/link_made.html", context)
    context = {**sheet_without_post(request, app, mailbox), "mailboxes": mailboxes, "link_form": form}
    return render(request, "settings_sheet/sheet.html", context, status=422)


@sensitive_variables("token")
def _create_link(request: HttpRequest, secret: Credential | None, mailbox: Mailbox | None, form: LinkForm) -> str:
    """Return the token; None with the error on the form if it was refused."""
    if not form.is_valid():
        return ""
    assert isinstance(request.user, User)  # noqa: S101 (signed in, by the middleware)
    said = form.cleaned_data
    try:
        if secret is None:
            raise ValidationError(_("No secret is in use."))
        return one_time_link.create(
            secret,
            recipient=said["recipient"],
            reason=said["reason"],
            lifetime=LIFETIMES[said["lifetime"]][0],
            by=request.user,
            now=timezone.now(),
            mailbox=mailbox,
            program=program_of(request.GET.get("for", "")).slug,
        )
    except ValidationError as error:
        form.add_error(None, error.messages)
    return ""


@require_right(Right.HAND_OVER, of=AppRegistration)
def revoke(request: HttpRequest, pk: UUID) -> HttpResponse:
    app, _mailboxes = app_and_mailboxes(request, pk)
    secret = app.current_credential
    if request.method == "POST" and secret:
        if one_time_link.revoke(secret, timezone.now()):
            messages.success(request, _("The link is revoked."))
        else:
            messages.info(request, _("No link is waiting any more."))
    return redirect("app-sheet", pk)


@public
@never_cache
@sensitive_variables("token", "context", "shown")
def open_link(request: HttpRequest, token: str) -> HttpResponse:
    """Show the secret after POST. GET says who sends what for what, and does not use the link up, since mail scanners
    open links."""
    now, context = timezone.now(), {}
    try:
        if request.method == "POST":
            shown = one_time_link.open_once(token, now)
            if shown is None:
                return _for_nobody_else(render(request, "settings_sheet/link_over.html", status=404))
            context = {"link": shown.link, "value": shown.value, "sheet": _sheet(shown.link)}
            return _for_nobody_else(render(request, "settings_sheet/link_shown.html", context))
    except Unreadable:
        context = {"is_unreadable": True}
    waiting = one_time_link.find(token, now)
    if waiting is None:
        return _for_nobody_else(render(request, "settings_sheet/link_over.html", status=404))
    # The policy no-referrer would also hide the origin of our own form from the CSRF check.
    page = render(
        request, "settings_sheet/link_waiting.html", {**context, "link": waiting}, status=503 if context else 200
    )
    return _for_nobody_else(page, referrer="strict-origin")


def _sheet(link: OneTimeLink) -> Sheet | None:
    """The sheet with the program chosen at creation; None if its mailbox or cloud no longer exists."""
    try:
        if link.mailbox and link.mailbox.app_id == link.credential.app_id:
            values = Values(link.mailbox.tenant.mail_cloud, link.credential.app, link.mailbox)
            return program_of(link.program).sheet(values)
    except UnknownCloud:
        pass
    return None


def _for_nobody_else(response: HttpResponse, referrer: str = "no-referrer") -> HttpResponse:
    response.headers["Referrer-Policy"] = referrer
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
