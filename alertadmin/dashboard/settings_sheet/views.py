"""Settings sheet: the values for the software that sends. Shows the secret once, with an audit entry."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables

from alertadmin.accounts.access import access_of
from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.models import User
from alertadmin.accounts.reauthentication import recently_confirmed
from alertadmin.accounts.roles import Right
from alertadmin.crypto.keyring import Unreadable
from alertadmin.dashboard.settings_sheet.forms import HandOverForm, LinkForm
from alertadmin.dashboard.settings_sheet.programs import PROGRAMS, Values, program_of
from alertadmin.registry.clouds import UnknownCloud
from alertadmin.registry.credentials.disclosure import disclose
from alertadmin.registry.models import AppRegistration, Mailbox, OneTimeLink, SecretDisclosure
from alertadmin.stored_messages import render_error


@require_right(Right.LOOK, posting=Right.HAND_OVER, of=AppRegistration)
@never_cache
@recently_confirmed("POST")
@sensitive_variables("context")
def app_sheet(request: HttpRequest, pk: UUID) -> HttpResponse:
    """`?for=` chooses the program, `?mailbox=` the mailbox. POST shows the secret once."""
    app, mailboxes = app_and_mailboxes(request, pk)
    context = {**sheet_of(request, app, chosen(request, mailboxes)), "mailboxes": mailboxes}
    return render(request, "settings_sheet/sheet.html", context, status=422 if context["form"].errors else 200)


def app_and_mailboxes(request: HttpRequest, pk: UUID) -> tuple[AppRegistration, list[Mailbox]]:
    app = get_object_or_404(AppRegistration.objects.select_related("tenant").prefetch_related("credentials"), pk=pk)
    return app, list(access_of(request).visible(Mailbox.objects.select_related("tenant")).filter(app=app))


@sensitive_variables("value", "context")
def sheet_of(request: HttpRequest, app: AppRegistration, mailbox: Mailbox | None) -> dict[str, Any]:
    """Context of `settings_sheet/content.html`. Its view must be uncached, with recent reauthentication for POST."""
    form = HandOverForm(request.POST or None)
    value = ""
    if request.method == "POST" and form.is_valid():
        value = _disclose(request, app, form)
    return {**sheet_without_post(request, app, mailbox), "form": form, "value": value}


def sheet_without_post(request: HttpRequest, app: AppRegistration, mailbox: Mailbox | None) -> dict[str, Any]:
    """The same context without posted values."""
    program = program_of(request.GET.get("for", ""))
    secret = app.current_credential
    link = OneTimeLink.objects.filter(credential=secret).first() if secret else None
    context: dict[str, Any] = {
        "app": app,
        "chosen": mailbox,
        "programs": PROGRAMS,
        "program": program,
        "sheet": None,
        "form": HandOverForm(),
        "link_form": LinkForm(prefix="link"),
        "secret": secret,
        "link": link,
        "link_state": link.state(timezone.now()) if link else None,
        "handover": SecretDisclosure.objects.filter(credential=secret).first() if secret else None,
    }
    try:
        if mailbox:
            context["sheet"] = program.sheet(Values(mailbox.tenant.mail_cloud, app, mailbox))
    except UnknownCloud:
        context["is_cloud_unknown"] = True
    return context


def chosen(request: HttpRequest, mailboxes: list[Mailbox]) -> Mailbox | None:
    asked = request.GET.get("mailbox", "")
    return next((one for one in mailboxes if str(one.pk) == asked), mailboxes[0] if mailboxes else None)


@sensitive_variables("value")
def _disclose(request: HttpRequest, app: AppRegistration, form: HandOverForm) -> str:
    """Return the value; None with the error on the form if it was refused."""
    assert isinstance(request.user, User)  # noqa: S101 (signed in, by the middleware)
    secret = app.current_credential
    try:
        if secret is None:
            raise ValidationError(_("No secret is in use."))
        return disclose(secret, by=request.user, reason=form.cleaned_data["reason"], now=timezone.now())
    except ValidationError as error:
        form.add_error(None, error.messages)
    except Unreadable as error:
        form.add_error(None, render_error(error))
    return ""
