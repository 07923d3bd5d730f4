"""Names that a person chose, as they stand in a mail to others: one clean line, cut, without anything that a mail
program turns into a link.

Only letters, digits, spaces and a few marks stay, and a full stop only where a word ends or inside a number: so no
scheme, no address and no bare domain is left, however it was written (full-width or ideographic stops, invisible
characters in between).
"""

from __future__ import annotations

import re
import unicodedata

from django.utils.translation import gettext as _

LONGEST = 60
MARKS = frozenset("'’-,()&+#_!")
INVISIBLE = frozenset({"Cf", "Cn", "Co", "Cs"})
"""Unicode's categories: taken out, so that they part nothing."""
NUMBER = 12
"""Characters on each side of a decimal point that are looked at, so that a long name costs no more than a short one."""
MOST_ACCENTS = 2
"""On one letter."""


def clean(text: str, most: int = LONGEST) -> str:
    """“…” where nothing is left. To be put between quotation marks, which it cannot close itself."""
    visible = "".join(one for one in unicodedata.normalize("NFKC", text) if unicodedata.category(one) not in INVISIBLE)
    kept, accents = [], 0
    for place, one in enumerate(visible):
        is_accent = unicodedata.category(one).startswith("M")
        accents = accents + 1 if is_accent else 0
        if is_accent:
            kept.append(one if accents <= MOST_ACCENTS else "")
        else:
            is_kept = one.isalnum() or one in MARKS or _ends_a_word(visible, place) or _is_decimal(visible, place)
            kept.append(one if is_kept else " ")
    line = " ".join("".join(kept).split())
    if not any(one.isalnum() for one in line):
        return "…"
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def quoted(text: str, most: int = LONGEST) -> str:
    """`clean` between the quotation marks of the active language: where it stands without any in the sentence."""
    return _("“%(name)s”") % {"name": clean(text, most)}


def plain_line(text: str, most: int) -> str:
    """As a page's title shows it, where nothing is clicked: one line, cut, without characters that steer how the rest
    is read (direction marks, zero-width and control characters)."""
    shown = "".join(one for one in text if unicodedata.category(one) not in INVISIBLE)
    line = " ".join("".join(" " if unicodedata.category(one) == "Cc" else one for one in shown).split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def _ends_a_word(text: str, place: int) -> bool:
    """Of a full stop: after a letter or digit, and before a space or the end."""
    if text[place] != "." or not text[:place][-1:].isalnum():
        return False
    return text[place + 1 : place + 2] in ("", " ", ",", ")")


def _is_decimal(text: str, place: int) -> bool:
    """Of a full stop: the only one between digits, as in "ALERT 4.5". No domain ends in a digit, and an address of a
    host in numbers has three."""
    if text[place] != ".":
        return False
    before = re.search(r"[\w.]*$", text[max(0, place - NUMBER) : place])
    after = re.match(r"[\w.]*", text[place + 1 : place + 1 + NUMBER])
    word = (before.group() if before else "") + "." + (after.group() if after else "")
    return re.fullmatch(r"[^\W\d_]?\d+\.\d+", word) is not None
