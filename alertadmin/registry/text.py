"""Removal of invisible characters, which users copy along from a portal, a chat or a spreadsheet."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

WHITE_SPACE = "".join(character for character in map(chr, range(0x3001)) if character.isspace())
ZERO_WIDTH = "\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
"""Soft hyphen, zero-width spaces and joiners, direction marks, byte order mark."""
_AROUND = WHITE_SPACE + ZERO_WIDTH
_JOINERS = "\u200c\u200d"
"""Zero-width, and part of correct Persian and Hindi."""


FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # full-width forms are formulas too
"""Leading characters that a spreadsheet reads as a formula. Source: OWASP, "CSV Injection"."""


def escape_formula(text: str) -> str:
    """Prefix a possible formula with an apostrophe, so that no spreadsheet evaluates it; `unescape_formula` inverts."""
    return f"'{text}" if text.lstrip(" '").startswith(FORMULA) else text


def unescape_formula(text: str) -> str:
    return text[1:] if text.startswith("'") and text.lstrip(" '").startswith(FORMULA) else text


def trimmed(text: str) -> str:
    """The text without invisible characters at both ends; `str.strip` leaves the zero-width ones."""
    return text.strip(_AROUND)


def readable(text: str) -> str:
    """A name with each run of white space replaced by one space.

    Raises ValidationError for control characters: direction marks can make a name look like another.
    """
    text = " ".join(text.split())
    for character in text:
        if not character.isprintable() and character not in _JOINERS:
            raise ValidationError(
                _("This text contains a control character (%(code)s). Enter it again without that character."),
                code="control",
                params={"code": f"U+{ord(character):04X}"},
            )
    return text
