from __future__ import annotations

from datetime import time
from typing import Any

from django import forms
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _

from alertadmin.dashboard.ui.email_list_field import EmailListField
from alertadmin.reminders.models import DigestChoice, Policy
from alertadmin.reminders.rules.delivery_window import Digest, Timing
from alertadmin.reminders.rules.schedule import ESCALATE_TO_ALL_DAYS, ReminderSchedule, read_thresholds

ISO_WEEKDAYS = [(str(number + 1), name) for number, name in WEEKDAYS.items()]


class RecipientsForm(forms.Form):
    first = EmailListField(
        label=_("Primary recipients"), help_text=_("Always notified. E-mail addresses, one per line.")
    )
    next = EmailListField(
        label=_("Escalation contacts"),
        help_text=_("Also notified if no one acknowledges the reminder, and always in the last week."),
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if both := set(data.get("first", ())) & set(data.get("next", ())):
            self.add_error("next", _("%(email)s is already a primary recipient.") % {"email": min(both)})
        return data


class ScheduleForm(forms.Form):
    halves = ("repeat", "escalate")
    in_force: ReminderSchedule

    own_plan = forms.BooleanField(label=_("Custom schedule"), required=False)
    thresholds = forms.CharField(
        label=_("Days before expiry"),
        help_text=_("For example 90, 60, 30, 14, 7, 3, 1, 0; 0 is the expiry date itself."),
    )
    repeat = forms.IntegerField(label=_("Days between reminders after expiry"), min_value=1, max_value=365)
    escalate = forms.IntegerField(
        label=_("Escalation days before expiry"),
        min_value=ESCALATE_TO_ALL_DAYS,
        max_value=3650,
        help_text=_(
            "Unless the reminder is acknowledged. In the last week, all escalation contacts and the "
            "recipients of the installation are notified in any case."
        ),
    )

    @classmethod
    def showing(cls, policy: Policy | None, in_force: ReminderSchedule, data: Any = None) -> ScheduleForm:
        form = cls(
            data,
            prefix="plan",
            initial={
                "own_plan": bool(policy and policy.plan),
                "thresholds": ", ".join(map(str, in_force.thresholds)),
                "repeat": in_force.repeat,
                "escalate": in_force.escalate,
            },
        )
        form.in_force = in_force
        return form

    def clean_thresholds(self) -> tuple[int, ...]:
        return read_thresholds(self.cleaned_data["thresholds"])

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not self.errors and not data["own_plan"] and self._entered_schedule() != self.in_force:
            self.add_error(
                "own_plan",
                _("These days apply only if the box is ticked. Tick it, or restore the previous values: %(plan)s.")
                % {"plan": ", ".join(map(str, self.in_force.thresholds))},
            )
        return data

    @property
    def plan(self) -> str:
        """The schedule in its stored form; empty if inherited."""
        return str(self._entered_schedule()) if self.cleaned_data["own_plan"] else ""

    def _entered_schedule(self) -> ReminderSchedule:
        data = self.cleaned_data
        return ReminderSchedule(data["thresholds"], data["repeat"], data["escalate"])


class TimingForm(forms.Form):
    halves = ("quiet_from", "quiet_until", "digest", "digest_at")
    in_force: Timing

    has_timing = forms.BooleanField(label=_("Custom times"), required=False)
    quiet_from = forms.TimeField(label=_("Quiet from"), required=False, widget=forms.TimeInput(attrs={"type": "time"}))
    quiet_until = forms.TimeField(
        label=_("Quiet until"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}),
        help_text=_("In the tenant's time zone. A mail that would be too late otherwise is still sent."),
    )
    working_days = forms.MultipleChoiceField(
        label=_("Days on which mail can be sent"), choices=ISO_WEEKDAYS, widget=forms.CheckboxSelectMultiple
    )
    digest = forms.ChoiceField(
        label=_("Mails are sent"),
        choices=DigestChoice.choices,
        help_text=_("In the last week before expiry, no mail waits for a digest."),
    )
    digest_at = forms.TimeField(
        label=_("Digests are sent at"), widget=forms.TimeInput(attrs={"type": "time"}), initial=time(8, 0)
    )

    @classmethod
    def showing(cls, policy: Policy | None, in_force: Timing, data: Any = None) -> TimingForm:
        form = cls(
            data,
            prefix="timing",
            initial={
                "has_timing": bool(policy and policy.has_timing),
                "quiet_from": in_force.quiet_from and in_force.quiet_from.strftime("%H:%M"),
                "quiet_until": in_force.quiet_until and in_force.quiet_until.strftime("%H:%M"),
                "working_days": [str(day) for day in sorted(in_force.working_days)],
                "digest": in_force.digest.value,
                "digest_at": in_force.digest_at.strftime("%H:%M"),
            },
        )
        form.in_force = in_force
        return form

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if bool(data.get("quiet_from")) != bool(data.get("quiet_until")):
            self.add_error("quiet_until", _("Enter both a start and an end of the quiet hours, or neither."))
        elif data.get("quiet_from") and data["quiet_from"] == data["quiet_until"]:
            self.add_error(
                "quiet_until",
                _("With these values the quiet hours would never end or never start. Choose another end."),
            )
        if not self.errors and not data["has_timing"] and self._entered_timing() != self.in_force:
            self.add_error(
                "has_timing", _("These times apply only if the box is ticked. Tick it, or restore the previous values.")
            )
        return data

    def _entered_timing(self) -> Timing:
        data = self.cleaned_data
        return Timing(
            self.in_force.zone,
            data["quiet_from"],
            data["quiet_until"],
            frozenset(map(int, data["working_days"])),
            Digest(data["digest"]),
            data["digest_at"],
        )
