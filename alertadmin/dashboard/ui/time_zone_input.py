"""The field for a time zone: typed, with every zone proposed by the list that `partials/fields.html` adds."""

from __future__ import annotations

from typing import Any

from django import forms


class TimeZoneInput(forms.TextInput):
    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"list": "zones", "autocomplete": "off", "spellcheck": "false", **(attrs or {})})
