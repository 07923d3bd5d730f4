from __future__ import annotations

from datetime import time
from typing import Any

from django import forms
from django.core.validators import validate_email
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _

from alertadmin.reminders.models import DigestChoice, Policy
from alertadmin.reminders.plan import EVERYBODY, Plan, read_thresholds
from alertadmin.reminders.timing import Timing

ISO_WEEKDAYS = [(str(number + 1), name) for number, name in WEEKDAYS.items()]


class Addresses(forms.CharField):
    """E-mail addresses, one a line; cleaned to a list, each once and in lower case."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}), **kwargs)

    def clean(self, value: Any) -> list[str]:
        words = str(super().clean(value)).replace(",", "\n").replace(";", "\n").split()
        for word in words:
            try:
                validate_email(word)
            except forms.ValidationError:
                raise forms.ValidationError(_('"%(email)s" is no e-mail address.'), params={"email": word}) from None
        return list(dict.fromkeys(word.lower() for word in words))


class PeopleForm(forms.Form):
    first = Addresses(label=_("Always told"))
    next = Addresses(
        label=_("Next in line"),
        help_text=_("Told too if nobody says “I am on it”, and always in the last week. Empty: as above this."),
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if both := set(data.get("first", ())) & set(data.get("next", ())):
            self.add_error("next", _("%(email)s is always told already.") % {"email": min(both)})
        return data


class PlanForm(forms.Form):
    own_plan = forms.BooleanField(label=_("Own days"), required=False)
    thresholds = forms.CharField(
        label=_("Days before the end"), help_text=_("Such as 90, 60, 30, 14, 7, 3, 1, 0; 0 is the end itself.")
    )
    repeat = forms.IntegerField(label=_("Then every so many days while expired"), min_value=1, max_value=365)
    escalate = forms.IntegerField(
        label=_("Next in line from so many days before the end"),
        min_value=EVERYBODY,
        max_value=3650,
        help_text=_(
            "Unless somebody said “I am on it”. In the last week everybody is told in any case: "
            "every next in line, and the installation's people."
        ),
    )

    @classmethod
    def showing(cls, policy: Policy | None, in_force: Plan, data: Any = None) -> PlanForm:
        return cls(
            data,
            prefix="plan",
            initial={
                "own_plan": bool(policy and policy.plan),
                "thresholds": ", ".join(map(str, in_force.thresholds)),
                "repeat": in_force.repeat,
                "escalate": in_force.escalate,
            },
        )

    def clean_thresholds(self) -> tuple[int, ...]:
        return read_thresholds(self.cleaned_data["thresholds"])

    @property
    def plan(self) -> str:
        """As a policy keeps it; empty where it is inherited."""
        data = self.cleaned_data
        return str(Plan(data["thresholds"], data["repeat"], data["escalate"])) if data["own_plan"] else ""


class TimingForm(forms.Form):
    has_timing = forms.BooleanField(label=_("Own times"), required=False)
    quiet_from = forms.TimeField(label=_("Quiet from"), required=False, widget=forms.TimeInput(attrs={"type": "time"}))
    quiet_until = forms.TimeField(
        label=_("Quiet until"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}),
        help_text=_("In the tenant's time zone. What would come too late otherwise is sent all the same."),
    )
    working_days = forms.MultipleChoiceField(
        label=_("Days on which mail may leave"), choices=ISO_WEEKDAYS, widget=forms.CheckboxSelectMultiple
    )
    digest = forms.ChoiceField(
        label=_("Mails leave"),
        choices=DigestChoice.choices,
        help_text=_("In the last week before an end nothing waits for a digest."),
    )
    digest_at = forms.TimeField(
        label=_("Digests leave at"), widget=forms.TimeInput(attrs={"type": "time"}), initial=time(8, 0)
    )

    @classmethod
    def showing(cls, policy: Policy | None, in_force: Timing, data: Any = None) -> TimingForm:
        return cls(
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

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if bool(data.get("quiet_from")) != bool(data.get("quiet_until")):
            self.add_error("quiet_until", _("Quiet hours need both a beginning and an end, or neither."))
        elif data.get("quiet_from") and data["quiet_from"] == data["quiet_until"]:
            self.add_error("quiet_until", _("The quiet hours would never end, or never begin. Choose another end."))
        return data
