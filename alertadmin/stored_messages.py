"""Sentences of ours that are stored, such as why a delivery failed: kept in English, told in the reader's language.

A row outlives the language of whoever caused it, and programs read it too. So what is stored is the English of an app's
`messages` module, its %(placeholders)s filled in; shown, it is recognised and told anew. What is no sentence of ours
(Microsoft's own words, a server's reply) is told as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module

from django.apps import apps
from django.utils.module_loading import module_has_submodule
from django.utils.translation import gettext

_PLACEHOLDER = re.compile(r"%\((\w+)\)s")


def render_stored(text: str) -> str:
    """A stored text in the language of now."""
    for sentence, pattern in _patterns().items():
        if match := pattern.fullmatch(text):
            return gettext(sentence) % match.groupdict() if match.re.groups else gettext(sentence)
    return text


def sentences() -> Iterator[str]:
    """The texts of every app's `messages` module."""
    for app in apps.get_app_configs():
        if app.module is not None and module_has_submodule(app.module, "messages"):
            constants = vars(import_module(f"{app.name}.messages"))
            yield from (text for name, text in constants.items() if name.isupper())


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    return {sentence: _pattern(sentence) for sentence in sentences()}


def _pattern(sentence: str) -> re.Pattern[str]:
    text, *rest = _PLACEHOLDER.split(sentence)
    pattern = re.escape(text)
    for name, text in zip(rest[::2], rest[1::2], strict=True):
        # A name may stand twice in a sentence; the second time it is the same text.
        value = f"(?P={name})" if f"(?P<{name}>" in pattern else f"(?P<{name}>.*?)"
        pattern += value + re.escape(text)
    return re.compile(pattern, re.DOTALL)
