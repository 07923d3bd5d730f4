"""The settings sheet: what is entered into the software that sends. The secret is shown on it once, on the record."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables

from alertadmin.accounts.access import access_of
from alertadmin.accounts.declaring import allows
from alertadmin.accounts.models import User
from alertadmin.accounts.reauthentication import recently_confirmed
from alertadmin.accounts.roles import Right
from alertadmin.dashboard.sheets.programs import PROGRAMS, Values
from alertadmin.registry.clouds import UnknownCloud
from alertadmin.registry.handing import hand_over
from alertadmin.registry.keyring import Unreadable
from alertadmin.registry.models import AppRegistration, Handover, Mailbox
from alertadmin.retelling import retold


class HandOverForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("What for"),
        max_length=300,
        help_text=gettext_lazy("Such as “entered into ALERT on VF-SRV01”. It goes on the record with your name."),
    )


@allows(Right.LOOK, posting=Right.HAND_OVER, of=AppRegistration)
@never_cache
@recently_confirmed("POST")
@sensitive_variables("context")
def app_sheet(request: HttpRequest, pk: UUID) -> HttpResponse:
    """`?for=` names the program, `?mailbox=` the mailbox. A POST shows the secret on it, once."""
    app = get_object_or_404(AppRegistration.objects.select_related("tenant").prefetch_related("credentials"), pk=pk)
    mailboxes = list(access_of(request).rows(Mailbox.objects.select_related("tenant")).filter(app=app))
    context = sheet_of(request, app, _chosen(request, mailboxes))
    status = 422 if context["form"].errors else 200
    return render(request, "sheets/sheet.html", {**context, "mailboxes": mailboxes}, status=status)


@sensitive_variables("value", "context")
def sheet_of(request: HttpRequest, app: AppRegistration, mailbox: Mailbox | None) -> dict[str, Any]:
    """What `sheets/content.html` is made of. A view that shows it is never cached, and its POST recently confirmed."""
    form = HandOverForm(request.POST or None)
    value = ""
    if request.method == "POST" and form.is_valid():
        value = _shown(request, app, form)
    program = next((one for one in PROGRAMS if one.slug == request.GET.get("for")), PROGRAMS[0])
    secret = app.current_credential
    context: dict[str, Any] = {
        "app": app,
        "chosen": mailbox,
        "programs": PROGRAMS,
        "program": program,
        "sheet": None,
        "form": form,
        "secret": secret,
        "value": value,
        "handover": Handover.objects.filter(credential=secret).first() if secret else None,
    }
    try:
        if mailbox:
            context["sheet"] = program.sheet(Values(mailbox.tenant.mail_cloud, app, mailbox))
    except UnknownCloud:
        context["is_cloud_unknown"] = True
    return context


def _chosen(request: HttpRequest, mailboxes: list[Mailbox]) -> Mailbox | None:
    asked = request.GET.get("mailbox", "")
    return next((one for one in mailboxes if str(one.pk) == asked), mailboxes[0] if mailboxes else None)


@sensitive_variables("value")
def _shown(request: HttpRequest, app: AppRegistration, form: HandOverForm) -> str:
    """The value, or nothing and the reason on the form."""
    assert isinstance(request.user, User)  # noqa: S101 (signed in, by the middleware)
    secret = app.current_credential
    try:
        if secret is None:
            raise ValidationError(_("No secret is in use."))
        return hand_over(secret, by=request.user, reason=form.cleaned_data["reason"], now=timezone.now())
    except ValidationError as error:
        form.add_error(None, error.messages)
    except Unreadable as error:
        form.add_error(None, retold(str(error)))
    return ""
