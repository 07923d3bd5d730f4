"""Choices of the language fields: the languages by their own names, or none."""

from __future__ import annotations

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Choices = list[tuple[str, str | Promise]]


def supported_codes() -> tuple[str, ...]:
    """Codes that a row may hold; empty for none of its own."""
    return ("", *(code for code, _name in settings.LANGUAGES))


def supported_or_empty(code: str) -> str:
    """The stored code; empty if this version does not have the language."""
    return code if code in supported_codes() else ""


def of_a_person() -> Choices:
    return [("", _("As the browser asks")), *settings.LANGUAGES]


def of_a_tenant() -> Choices:
    return [("", _("Same as this installation")), *settings.LANGUAGES]
