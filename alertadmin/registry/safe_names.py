"""Sanitized names for mails to other users: one line of limited length, without anything that a mail program turns into
a link.

Only letters, digits, spaces and a few marks are kept, and a full stop only at the end of a word or inside a number. So
no URL scheme, address or bare domain remains, also if it was written with full-width or ideographic stops or with
invisible characters in between.
"""

from __future__ import annotations

import re
import unicodedata

from django.utils.translation import gettext as _

LONGEST = 60
MARKS = frozenset("'’-,()&+#_!")
INVISIBLE = frozenset({"Cf", "Cn", "Co", "Cs"})
"""Unicode categories that are removed without leaving a space."""
NUMBER = 12
"""Characters examined on each side of a decimal point, so that the time does not grow with the length of the name."""
MOST_ACCENTS = 2
"""On one letter."""


def clean(text: str, most: int = LONGEST) -> str:
    """The sanitized name, or “…” if nothing is left. The result contains no quotation mark, so it cannot end a
    quotation."""
    visible = "".join(one for one in unicodedata.normalize("NFKC", text) if unicodedata.category(one) not in INVISIBLE)
    characters, accents = [], 0
    for position, one in enumerate(visible):
        is_accent = unicodedata.category(one).startswith("M")
        accents = accents + 1 if is_accent else 0
        if is_accent:
            characters.append(one if accents <= MOST_ACCENTS else "")
        else:
            is_kept = one.isalnum() or one in MARKS or _ends_a_word(visible, position) or _is_decimal(visible, position)
            characters.append(one if is_kept else " ")
    line = " ".join("".join(characters).split())
    if not any(one.isalnum() for one in line):
        return "…"
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def quoted(text: str, most: int = LONGEST) -> str:
    """`clean`, in quotation marks of the active language: for a sentence that has none."""
    return _("“%(name)s”") % {"name": clean(text, most)}


def plain_line(text: str, most: int) -> str:
    """A name for a page's title, where nothing becomes a link: one line of limited length, without direction marks,
    zero-width characters and control characters."""
    shown = "".join(one for one in text if unicodedata.category(one) not in INVISIBLE)
    line = " ".join("".join(" " if unicodedata.category(one) == "Cc" else one for one in shown).split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def _ends_a_word(text: str, position: int) -> bool:
    """Whether the full stop follows a letter or digit and precedes a space, a comma, a bracket or the end."""
    if text[position] != "." or not text[:position][-1:].isalnum():
        return False
    return text[position + 1 : position + 2] in ("", " ", ",", ")")


def _is_decimal(text: str, position: int) -> bool:
    """Whether the character is the only full stop between digits, as in "ALERT 4.5". No domain ends in a digit, and an
    IPv4 address has three full stops."""
    if text[position] != ".":
        return False
    before = re.search(r"[\w.]*$", text[max(0, position - NUMBER) : position])
    after = re.match(r"[\w.]*", text[position + 1 : position + 1 + NUMBER])
    word = (before.group() if before else "") + "." + (after.group() if after else "")
    return re.fullmatch(r"[^\W\d_]?\d+\.\d+", word) is not None
