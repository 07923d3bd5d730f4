"""Time zone field: text input with the list of zones from `partials/fields.html`."""

from __future__ import annotations

from typing import Any

from django import forms


class TimeZoneInput(forms.TextInput):
    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"list": "zones", "autocomplete": "off", "spellcheck": "false", **(attrs or {})})
