"""Saves a policy as its page does, from what the model says."""

from __future__ import annotations

from datetime import time
from typing import Any
from zoneinfo import ZoneInfo

from alertadmin.dashboard.policies.forms import RecipientsForm, ScheduleForm, TimingForm
from alertadmin.dashboard.policies.services import save
from alertadmin.registry.models import AppRegistration, Tenant
from alertadmin.reminders.rules.delivery_window import Timing
from alertadmin.reminders.rules.schedule import DEFAULT
from tests.reminders.reference_model import Book, Plan


def save_policy(book: Book, scope: str, tenant: Tenant | None, app: AppRegistration | None) -> None:
    """The installation's policy if neither is given."""
    plan, hours = book.plans.get(scope), book.hours.get(scope)
    people = {
        "first": "\n".join(book.first.get(scope, set()) if tenant is None else set()),
        "next": "\n".join(book.next.get(scope, set())),
    }
    shown = plan or Plan()
    days = {
        "thresholds": ", ".join(map(str, shown.days)),
        "repeat": str(shown.repeat),
        "escalate": str(shown.escalate),
        **({"own_plan": "on"} if plan else {}),
    }
    times: dict[str, Any] = {"working_days": list("1234567"), "digest": "each", "digest_at": "08:00"}
    if hours:
        times = {
            "has_timing": "on",
            "working_days": [str(day) for day in sorted(hours.working)],
            "digest": hours.digest,
            "digest_at": time(hours.digest_at),
        }
        if hours.quiet:
            times.update(quiet_from=time(hours.quiet[0]), quiet_until=time(hours.quiet[1]))
    forms = RecipientsForm(people), ScheduleForm(days), TimingForm(times)
    # What the page showed is what counts where nothing is ticked.
    forms[1].in_force, forms[2].in_force = DEFAULT, Timing(ZoneInfo("UTC"))
    for form in forms:
        assert form.is_valid(), form.errors
    save(tenant, app, *forms)
