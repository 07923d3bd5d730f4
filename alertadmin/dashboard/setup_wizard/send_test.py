"""Step 7, test send with live progress, and a test as another mailbox, which a scope must refuse; step 8, settings
sheet and end of the guide."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables

from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.reauthentication import recently_confirmed
from alertadmin.accounts.roles import Right
from alertadmin.dashboard.mailboxes import send_as_check
from alertadmin.dashboard.mailboxes.forms import TestSendForm
from alertadmin.dashboard.mailboxes.send_test_progress import progress_context
from alertadmin.dashboard.settings_sheet.views import sheet_of
from alertadmin.dashboard.setup_wizard import progress
from alertadmin.dashboard.setup_wizard.base import guide_of, page, step
from alertadmin.dashboard.ui.decorators import post_only
from alertadmin.outbox.mail_limits import TooManyMails
from alertadmin.outbox.models import DeliveryState
from alertadmin.outbox.send_test import test_send
from alertadmin.registry.models import SetupProgress


@require_right(Right.CHANGE, of=SetupProgress)
@step("test")
def guide_test(request: HttpRequest, guide: SetupProgress) -> HttpResponse:
    assert guide.mailbox is not None  # noqa: S101 (else it cannot be reached)
    initial = {"recipient": getattr(request.user, "email", ""), "transport": guide.mailbox.transport}
    form = TestSendForm(request.POST or None, initial=initial, mailbox=guide.mailbox)
    if request.method == "POST" and form.is_valid():
        by, data = request.user, form.cleaned_data
        try:
            test_send.start(
                guide.mailbox, data["recipient"], transport=data.get("transport"), by=by, now=timezone.now()
            )
            return redirect("guide-test", guide.pk)
        except TooManyMails as refused:
            form.add_error(None, refused)
    return _page(request, guide, form)


@require_right(Right.CHANGE, of=SetupProgress)
@post_only(back="guide-test")
def guide_scope(request: HttpRequest, pk: UUID) -> HttpResponse:
    return _scope(request, pk)


@step("test")
def _scope(request: HttpRequest, guide: SetupProgress) -> HttpResponse:
    """Send a test as another mailbox; its result is shown below the test as the mailbox itself."""
    assert guide.mailbox is not None  # noqa: S101
    recipient = getattr(request.user, "email", "")
    form = send_as_check.ScopeForm(request.POST, mailbox=guide.mailbox)
    if form.is_valid():
        try:
            by, other = request.user, form.cleaned_data["other"]
            test_send.start(guide.mailbox, recipient, sends_as=other, by=by, now=timezone.now())
            return redirect(progress.url(guide, "test") + "#scope")
        except TooManyMails as refused:
            form.add_error("other", refused)
    initial = {"recipient": recipient, "transport": guide.mailbox.transport}
    return _page(request, guide, TestSendForm(initial=initial, mailbox=guide.mailbox), form)


def _page(
    request: HttpRequest, guide: SetupProgress, form: TestSendForm, scope_form: send_as_check.ScopeForm | None = None
) -> HttpResponse:
    assert guide.mailbox is not None  # noqa: S101
    last = progress.last_test(guide)
    context: dict[str, Any] = {"form": form, "last": last}
    if last:
        # Prefixed, since `steps` are the steps of the guide.
        context["sent"] = progress_context(last, timezone.now())
    if last and last.state == DeliveryState.SENT:
        context |= send_as_check.panel_context(guide.mailbox, scope_form)
    return page(request, guide, "test", status=422 if scope_form else 200, **context)


@require_right(Right.CHANGE, posting=Right.HAND_OVER, of=SetupProgress)
@never_cache
@recently_confirmed("POST")
@step("settings")
@sensitive_variables("sheet")
def guide_settings(request: HttpRequest, guide: SetupProgress) -> HttpResponse:
    """Includes the settings sheet. POST shows the secret once."""
    assert guide.app is not None  # noqa: S101 (else it cannot be reached)
    sheet = sheet_of(request, guide.app, guide.mailbox)
    return page(request, guide, "settings", status=422 if sheet["form"].errors else 200, **sheet)


@require_right(Right.CHANGE, of=SetupProgress)
@post_only(back="guide-settings")
def guide_finish(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Delete the guide; the registered rows stay."""
    guide = guide_of(request, pk)
    where = guide.app or guide.tenant
    guide.delete()
    messages.success(request, _("The guide is closed; your registrations stay."))
    return redirect(where)
