"""Snooze the reminders of a credential (acknowledge, snooze, ignore) and withdraw a snooze."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.models import User
from alertadmin.accounts.roles import Right
from alertadmin.dashboard.ui.decorators import post_only
from alertadmin.registry.models import Credential
from alertadmin.reminders import snoozes
from alertadmin.reminders.models import SnoozeKind

DEFAULT_DURATION = timedelta(days=7)


class SnoozeForm(forms.Form):
    kind = forms.ChoiceField(
        label=gettext_lazy("Action"),
        choices=[
            (SnoozeKind.ACKNOWLEDGED, gettext_lazy("Acknowledge: no more reminders until the last week")),
            (SnoozeKind.SNOOZED, gettext_lazy("Snooze: no reminders until the date below")),
            (SnoozeKind.IGNORED, gettext_lazy("Ignore: someone else renews it, no reminders until the date below")),
        ],
        widget=forms.RadioSelect,
        initial=SnoozeKind.ACKNOWLEDGED,
    )
    until = forms.DateField(label=gettext_lazy("Until"), widget=forms.DateInput(attrs={"type": "date"}))
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        required=False,
        max_length=500,
        help_text=gettext_lazy("Shown to other users later. Required for “Ignore”."),
    )

    def ends_at(self, credential: Credential) -> datetime:
        """Midnight of that day in the tenant's time zone."""
        return datetime.combine(self.cleaned_data["until"], time(), credential.app.tenant.zone)


@require_right(Right.OPERATE, of=Credential)
def credential_snooze(request: HttpRequest, pk: UUID) -> HttpResponse:
    now = timezone.now()
    found = get_object_or_404(Credential.objects.select_related("app__tenant").defer("value"), pk=pk)
    form = SnoozeForm(request.POST or None, initial=_initial(found, now))
    if request.method == "POST" and form.is_valid() and _save_snooze(request, form, found, now):
        return redirect("credential", pk)
    heading = _("Snooze the reminders of “%(name)s”") % {"name": found}
    breadcrumbs = [found.app.tenant, found.app, found]
    context = {"form": form, "heading": heading, "breadcrumbs": breadcrumbs, "back": found.get_absolute_url()}
    return render(request, "partials/edit.html", context)


def _initial(credential: Credential, now: datetime) -> dict[str, Any]:
    last = credential.expires_at - snoozes.MIN_BEFORE_EXPIRY
    until = min(now + DEFAULT_DURATION, last) if last > now else now + DEFAULT_DURATION
    return {"until": until.astimezone(credential.app.tenant.zone).date().isoformat()}


def _save_snooze(request: HttpRequest, form: SnoozeForm, credential: Credential, now: datetime) -> bool:
    assert isinstance(request.user, User)  # noqa: S101 (signed in, by the middleware)
    data = form.cleaned_data
    try:
        snoozes.snooze(
            credential,
            SnoozeKind(data["kind"]),
            until=form.ends_at(credential),
            reason=data["reason"],
            by=request.user,
            now=now,
        )
    except ValidationError as error:
        for name, texts in error.message_dict.items():
            form.add_error(name, texts)
        return False
    messages.success(request, _saved_text(SnoozeKind(data["kind"]), credential, now))
    return True


def _saved_text(kind: SnoozeKind, credential: Credential, now: datetime) -> str:
    if kind == SnoozeKind.ACKNOWLEDGED:
        if snoozes.is_last_week(credential.expires_at, now):
            return _("Acknowledged. Reminders continue, since it expires within a week.")
        return _("Acknowledged. Reminders resume on that day, or in the last week if that is earlier.")
    return (
        _("Snoozed. Reminders resume on that day.")
        if kind == SnoozeKind.SNOOZED
        else _("Ignored. Reminders resume on that day.")
    )


@require_right(Right.OPERATE, of=Credential)
@post_only(back="credential")
def credential_resume(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Withdraw all active snoozes."""
    now = timezone.now()
    found = get_object_or_404(Credential.objects.defer("value"), pk=pk)
    for one in snoozes.active_for(found, now):
        snoozes.withdraw(one, now=now)
    messages.success(request, _("Withdrawn: reminders resume."))
    return redirect("credential", pk)
