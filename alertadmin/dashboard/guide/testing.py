"""Step 7: a test send, its steps seen as they happen; and step 8: the settings, and the end of the guide."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from alertadmin.dashboard.guide import standing
from alertadmin.dashboard.guide.page import guide_of, page, step
from alertadmin.dashboard.mailboxes.forms import TestSendForm
from alertadmin.dashboard.mailboxes.testing import shown
from alertadmin.dashboard.posting import posted
from alertadmin.dashboard.sheets.programs import PROGRAMS
from alertadmin.outbox import test_send
from alertadmin.registry.models import Guide


@step("test")
def guide_test(request: HttpRequest, guide: Guide) -> HttpResponse:
    assert guide.mailbox is not None  # noqa: S101 (else it cannot be reached)
    initial = {"recipient": getattr(request.user, "email", ""), "transport": guide.mailbox.transport}
    form = TestSendForm(request.POST or None, initial=initial, mailbox=guide.mailbox)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        test_send.start(guide.mailbox, data["recipient"], transport=data.get("transport"), now=timezone.now())
        return redirect("guide-test", guide.pk)
    last = standing.last_test(guide)
    context: dict[str, Any] = {"form": form, "last": last}
    if last:
        # The steps of the test come under names of their own: those of the guide stand on the left.
        context["sent"] = shown(last, timezone.now())
    return page(request, guide, "test", **context)


@step("settings")
def guide_settings(request: HttpRequest, guide: Guide) -> HttpResponse:
    return page(request, guide, "settings", programs=PROGRAMS)


@posted(back="guide-settings")
def guide_finish(request: HttpRequest, pk: UUID) -> HttpResponse:
    """What was registered stays; what goes is the guide, that it is not begun any more."""
    guide = guide_of(request, pk)
    where = guide.app or guide.tenant
    guide.delete()
    messages.success(request, _("The guide is closed; what was registered stays."))
    return redirect(where)
