"""Coded texts (`mailer.coded_text`) in the reader's language. A server's own words are shown as they came."""

from __future__ import annotations

from django.utils.translation import gettext

from mailer.coded_text import message_of, parse


def render_stored(text: str) -> str:
    """A stored text in the language that is active now."""
    found = parse(text)
    if found is None:
        return text
    worded = gettext(found.template)
    return worded % found.params if found.params else worded


def render_error(error: BaseException) -> str:
    """An error's message in the language that is active now."""
    return render_stored(message_of(error))
