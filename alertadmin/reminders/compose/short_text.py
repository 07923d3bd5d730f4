"""The text for a channel: the most urgent lines with a link each, and the number of further ones.

Short, because services truncate or refuse long messages: ntfy turns more than 4,096 bytes into a file.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alertadmin.reminders.compose.reminder_lines import ComposedLine

MAX_LINES = 10
MAX_BYTES = 3000
"""Bytes, except for the first line, which is always included."""


def brief(lines: Sequence[ComposedLine], count: int, expired: int, all_url: str) -> str:
    """`count` is the number of reminders, `expired` how many of them have expired; in the active language."""
    told = [_bullet(one) for one in lines[:MAX_LINES]]
    while len(told) > 1 and len("\n".join(told).encode()) > MAX_BYTES:
        told.pop()
    parts = ["\n".join(told)]
    if expired:
        parts.insert(0, _expired_note(expired))
    if more := count - len(told):
        text = ngettext("And %(more)d more: %(url)s", "And %(more)d more: %(url)s", more)
        parts.append(text % {"more": more, "url": all_url})
    return "\n\n".join(parts)


def _bullet(one: ComposedLine) -> str:
    """A bullet with the link on its own line, so that every service recognises it."""
    what = _("%(place)s: %(left)s (%(ends)s)") % {"place": one.place, "left": one.left, "ends": one.ends}
    return f"• {what}\n  {one.url}"


def _expired_note(expired: int) -> str:
    text = ngettext(
        "%(expired)d of these is no longer valid: mail through it is stopped.",
        "%(expired)d of these are no longer valid: mail through them is stopped.",
        expired,
    )
    return text % {"expired": expired}
