"""Every address of ours, by its name, and how to reach it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

KINDS = {
    "certificate-add": "app",
    "certificate-make": "app",
    "consent-check": "app",
    "credential-add": "app",
    "test-send": "mailbox",
    "test-send-progress": "test",
}
"""What the id in an address is of, where its name does not begin with it."""

NUMBERED = (
    *("factor-remove", "session-end", "provider-disconnect"),
    *("person", "person-role", "person-role-withdraw", "person-switch", "person-reset", "person-delete"),
)
"""Whose rows are numbered: of a person, and people themselves."""


def addresses() -> list[str]:
    """Their names."""
    return [name for pattern in get_resolver().url_patterns for name in names(pattern)]


def names(pattern: URLPattern | URLResolver) -> list[str]:
    if isinstance(pattern, URLPattern):
        return [pattern.name] if pattern.name else []
    return [name for one in pattern.url_patterns for name in names(one)]


def address(name: str, keys: Mapping[str, Any]) -> str:
    """With the id of a row of the right kind, or with any where there is none."""
    if name in ("first-administrator", "calendar-feed", "new-password"):
        return reverse(name, args=["x"])
    if name in NUMBERED:
        return reverse(name, args=[keys.get(name.partition("-")[0], 1)])
    try:
        return reverse(name, args=[keys.get(KINDS.get(name, name.partition("-")[0]), uuid4())])
    except NoReverseMatch:
        return reverse(name)
