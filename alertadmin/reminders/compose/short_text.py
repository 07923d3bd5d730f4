"""What a channel is told: the most urgent lines, a link for each, and how many more there are. For a screen, no letter.

Short because services cut or refuse what is long: ntfy makes a file of more than 4,096 bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alertadmin.reminders.compose.reminder_lines import ComposedLine

MOST_LINES = 10
LONGEST = 3000
"""Bytes, but for the first line: that one is told in any case."""


def brief(lines: Sequence[ComposedLine], count: int, expired: int, all_url: str) -> str:
    """`count` is how many things there are, `expired` how many are no longer good; in the language that is active."""
    told = [_told(one) for one in lines[:MOST_LINES]]
    while len(told) > 1 and len("\n".join(told).encode()) > LONGEST:
        told.pop()
    parts = ["\n".join(told)]
    if expired:
        parts.insert(0, _stopped(expired))
    if more := count - len(told):
        text = ngettext("And %(more)d more: %(url)s", "And %(more)d more: %(url)s", more)
        parts.append(text % {"more": more, "url": all_url})
    return "\n\n".join(parts)


def _told(one: ComposedLine) -> str:
    """A bullet with its link on a line of its own, so that every service makes it one."""
    what = _("%(place)s: %(left)s (%(ends)s)") % {"place": one.place, "left": one.left, "ends": one.ends}
    return f"• {what}\n  {one.url}"


def _stopped(expired: int) -> str:
    text = ngettext(
        "%(expired)d of these is no longer good: mail through it has stopped.",
        "%(expired)d of these are no longer good: mail through them has stopped.",
        expired,
    )
    return text % {"expired": expired}
