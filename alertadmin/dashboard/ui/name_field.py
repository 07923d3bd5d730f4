"""Field for names and descriptions; rejects invisible characters like the CSV import."""

from __future__ import annotations

from typing import Any

from django import forms

from alertadmin.registry.text import readable


class NameField(forms.CharField):
    def to_python(self, value: Any) -> str:
        return readable(super().to_python(value) or "")
