"""Choices of the language fields: the languages by their own names, or none."""

from __future__ import annotations

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Choices = list[tuple[str, str | Promise]]


def of_a_person() -> Choices:
    return [("", _("As the browser asks")), *settings.LANGUAGES]


def of_a_tenant() -> Choices:
    return [("", _("Same as this installation")), *settings.LANGUAGES]
