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
        label=_("What for"),
        max_length=300,
        help_text=_("Such as “entered into ALERT on VF-SRV01”. It goes on the record with your name."),
    )


class LinkForm(HandOverForm):
    recipient = forms.CharField(
        label=_("For whom"),
        max_length=200,
        help_text=_("A name, so that you know later whom you gave it to. It goes on the record."),
    )
    lifetime = forms.ChoiceField(
        label=_("Good for"), choices=[(slug, label) for slug, (_for, label) in LIFETIMES.items()], initial="day"
    )
    field_order = ("recipient", "reason", "lifetime")
