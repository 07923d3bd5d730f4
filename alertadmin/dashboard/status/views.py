from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.models import User
from alertadmin.accounts.reauthentication import recently_confirmed
from alertadmin.accounts.roles import Right
from alertadmin.dashboard.status.forms import MonthlyForm
from alertadmin.dashboard.status.items import status_items
from alertadmin.monitoring import health_report, owner_notices, system_mails
from alertadmin.monitoring.models import Monthly
from alertadmin.monitoring.notices import notices
from alertadmin.outbox import mail_limits
from alertadmin.outbox.queue.backlog import estimate


@require_right(Right.LOOK, posting=Right.GOVERN, in_all_tenants=True)
@recently_confirmed("POST")
def watching(request: HttpRequest) -> HttpResponse:
    now = health_report.now_by_database()
    monthly = Monthly.now()
    before = list(monthly.emails)
    form = MonthlyForm(request.POST or None, monthly)
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                by = request.user if isinstance(request.user, User) else None
                fresh = [one for one in form.cleaned_data["emails"] if one not in before]
                mail_limits.count_each(by, fresh, timezone.now())
                owner_notices.notify_owners(form.save(), now)
            messages.success(request, _("Saved."))
            return redirect("watching")
        except mail_limits.TooManyMails as refused:
            form.add_error("emails", refused)
    context = {
        "items": status_items(now),
        "notices": notices(),
        "backlog": estimate(now),
        "ready_url": settings.PUBLIC_URL + reverse("readyz"),
        "pings": settings.PINGS,
        "form": form,
        "next_monthly": system_mails.next_monthly(now),
        "people": system_mails.installation_recipients(),
    }
    return render(request, "status/status.html", context, status=422 if form.errors else 200)
