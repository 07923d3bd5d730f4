from __future__ import annotations

from datetime import timedelta

from django import forms
from django.utils.translation import gettext_lazy as _

LIFETIMES = {
    "hour": (timedelta(hours=1), _("1 hour")),
    "day": (timedelta(days=1), _("1 day")),
    "days": (timedelta(days=3), _("3 days")),
}


class HandOverForm(forms.Form):
    reason = forms.CharField(
        label=_("Purpose"),
        max_length=300,
        help_text=_("For example “entered into ALERT on VF-SRV01”. It is recorded with your name."),
    )


class LinkForm(HandOverForm):
    recipient = forms.CharField(
        label=_("Recipient"),
        max_length=200,
        help_text=_("A name, so that you know later who received it. It is recorded."),
    )
    lifetime = forms.ChoiceField(
        label=_("Valid for"), choices=[(slug, label) for slug, (_for, label) in LIFETIMES.items()], initial="day"
    )
    field_order = ("recipient", "reason", "lifetime")
