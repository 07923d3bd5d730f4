"""A field for an expiry date: text in any layout, a date picker beside it, and what was read, in words, below it.

The words come by htmx while the user types, and with each page that shows the form again. Where a text can be two
dates, the user chooses between both; the choice is posted beside the text, so that it works without scripts. What was
shown is posted too: a date that the user has not seen in words is shown before it is saved, unless it was typed as the
picker writes it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.forms.boundfield import BoundField
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from alertadmin.dashboard.ui.humanize import relative
from alertadmin.registry import input_validation
from alertadmin.registry.date_parser import readings

CHOICE = "_choice"
"""Suffix of the name of the chosen date, in ISO format."""
SHOWN = "_shown"
"""Suffix of the name of the date whose words the user has seen, in ISO format."""
PLAIN = re.compile(r"\s*\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2})?)?\s*")
"""As the picker writes dates, and the edit form shows them: it has one reading."""
NAME = re.compile(r"[A-Za-z_-]{1,60}")


@dataclass(frozen=True)
class DateReading:
    """What a typed text means."""

    words: str = ""
    moment: str = ""
    """The moment that the words say, in ISO format."""
    question: str = ""
    """About a date that is read but improbable."""
    error: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    """ISO date and words of each date that it can mean."""


def read_date(text: str, zone: ZoneInfo, now: datetime, *, is_expiry: bool = True) -> DateReading:
    """`is_expiry` is False for a start date, of which no date is improbable."""
    found = readings(text)
    if len(found) > 1:
        return DateReading(choices=tuple((one.value.isoformat(), _words(one.value)) for one in found))
    try:
        moment = input_validation.parse_expiry(text, zone)
    except ValidationError as error:
        return DateReading(error=error.messages[0])
    question = input_validation.expiry_question(moment, now) if is_expiry else None
    return DateReading(format_time(moment, zone, now), moment.astimezone(UTC).isoformat(), question or "")


def was_shown(data: Mapping[str, Any], name: str, moment: datetime) -> bool:
    """Whether the user has seen in words what a posted text was read as, or typed it without any doubt."""
    text = data.get(name) or ""
    if PLAIN.fullmatch(text) or data.get(f"{name}{SHOWN}") == moment.isoformat():
        return True
    return _is_chosen(text, data.get(f"{name}{CHOICE}"))


def _is_chosen(text: str, chosen: str | None) -> bool:
    return bool(chosen) and chosen in {one.value.isoformat() for one in readings(text)}


def format_time(moment: datetime, zone: ZoneInfo, now: datetime) -> str:
    """ "31 December 2027, 23:59, Europe/Paris (in 394 days)", in the active language."""
    return f"{_words(moment.astimezone(zone))}, {zone.key} ({_distance(moment, now)})"


def _distance(moment: datetime, now: datetime) -> str:
    days = abs(moment - now).days
    if not days:
        return relative(moment, now)
    if moment > now:
        return ngettext("in %(days)d day", "in %(days)d days", days) % {"days": days}
    return ngettext("%(days)d day ago", "%(days)d days ago", days) % {"days": days}


def _words(value: date | datetime) -> str:
    day = date_format(value, pgettext("date format", "j F Y"))
    return f"{day}, {date_format(value, 'H:i')}" if isinstance(value, datetime) else day


class ExpiryInput(forms.TextInput):
    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        """The typed text, or the date that was chosen of those that it can be."""
        text, chosen = data.get(name), data.get(f"{name}{CHOICE}")
        return chosen if text and _is_chosen(text, chosen) else text


class ExpiryBoundField(BoundField):
    field: ExpiryField

    def build_widget_attrs(self, attrs: dict[str, Any], widget: forms.Widget | None = None) -> dict[str, Any]:
        found = super().build_widget_attrs(attrs, widget)
        facts = {"field": self.html_name, "kind": self.field.kind, "zone": self.field.zone.key}
        if self.field.zone_from:
            facts["zone_from"] = self.field.zone_from
        sent = [self.html_name, *facts, self.field.zone_from, "csrfmiddlewaretoken"]
        return {
            **found,
            "hx-post": reverse("read-date"),
            "hx-trigger": "input changed delay:400ms",
            "hx-target": f"#{self.auto_id}_reading",
            "hx-params": ",".join(filter(None, sent)),  # of the form's values no others: no secret is sent along
            "hx-vals": json.dumps(facts),
        }

    @property
    def reading(self) -> DateReading | None:
        text = self.value()
        if not isinstance(text, str) or not text.strip():
            return None
        found = read_date(text, self.field.zone, timezone.now(), is_expiry=self.field.kind == "expiry")
        # The form's own messages say the same.
        return DateReading(found.words, found.moment, choices=found.choices)


class ExpiryField(forms.CharField):
    """Cleans to a datetime in UTC, or None. `zone` is that of a text without an offset."""

    is_expiry = True
    zone = ZoneInfo("UTC")
    zone_from = ""
    """Name of a field of the same form with another zone, while the tenant is not stored."""

    def __init__(self, *, example: str = "2028-11-22", kind: str = "expiry", **kwargs: Any) -> None:
        """`kind` is "expiry" or "start"."""
        self.kind = kind
        super().__init__(widget=ExpiryInput(attrs={"placeholder": example, "autocomplete": "off"}), **kwargs)

    def get_bound_field(self, form: forms.BaseForm, field_name: str) -> BoundField:
        return ExpiryBoundField(form, self, field_name)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        try:
            return input_validation.parse_expiry(text, self.zone).astimezone(UTC)
        except ValidationError as error:
            if error.code == "ambiguous":
                raise ValidationError(_("This can be two dates. Choose one of them."), code="ambiguous") from None
            raise
