"""One row of knowledge, and how strongly it speaks.

When several rows match one text, the strongest wins; among equals the one that stands first in `all_rules.ALL_RULES`.
So a text with "401", "invalid_client" and "AADSTS7000222" speaks of an expired secret, wherever each word stands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Final

from mailer.diagnosis.rules.literal_prefilter import needles

_NEVER: Final = re.compile(r"(?!)")
_SHORT_WORD: Final = re.compile(r"\\b\w{1,11}\\b")


REACH: Final = 512
"""Characters: no pattern matches more than these on either side of its word, edges that it looks at included."""


def _around(word: str, pattern: re.Pattern[str], view: str) -> re.Match[str] | None:
    """The first match about a place where the word stands: the pattern is not tried on the rest of the text."""
    at = view.find(word)
    while at >= 0:
        begin = max(0, at - REACH)
        end = at + REACH
        while 0 <= (at := view.find(word, at + 1)) < end:  # overlapping places are searched as one
            end = at + REACH
        if match := pattern.search(view, begin, end):
            return match
    return None


class Rank(IntEnum):
    """How much a match says. Higher wins."""

    HINT = 10
    """Fits many causes: a bare HTTP status, the outermost exception of a stack."""
    GENERIC = 20
    """A code of a whole family: `invalid_client`, `ErrorAccessDenied`, SMTP 5.7.1."""
    WORDING = 30
    """A sentence that is said of one cause only. Servers may reword it, so any code beats it."""
    CODE = 40
    """A code that is given for one cause only."""
    REFINED = 50
    """A wording, or a second code, that tells apart what one code lumps together."""


@dataclass(frozen=True)
class Rule:
    """`pattern` is a regular expression over the plain view of a text (see `reading`): lower case, no accents, single
    spaces. It never repeats without a bound, so that its time is linear in the text's length.

    `note` is said after the cause's explanation when this row decided (a text for translation).
    """

    slug: str
    pattern: str
    rank: Rank
    source: str
    note: str = ""

    def found_in(self, view: str, *, squeezed: bool = False) -> re.Match[str] | None:
        """The first place in a plain view of a text, or in the squeezed view of it."""
        pattern = self._squeezed if squeezed else self._plain
        words = self._squeezed_needles if squeezed else self._needles
        if not words:
            return pattern.search(view)
        matches = [match for word in words for match in [_around(word, pattern, view)] if match]
        return min(matches, key=re.Match.start, default=None)

    def is_spelt_by(self, letters: set[str], *, squeezed: bool = False) -> bool:
        """Whether a view that has these letters, and no others, may hold one of the rule's words."""
        words = self._squeezed_needles if squeezed else self._needles
        return not words or any(letters.issuperset(word) for word in words)

    @cached_property
    def _needles(self) -> tuple[str, ...]:
        return needles(self.pattern)

    @cached_property
    def _squeezed_needles(self) -> tuple[str, ...]:
        return needles(self._squeezed.pattern)

    @cached_property
    def _plain(self) -> re.Pattern[str]:
        return re.compile(self.pattern)

    @cached_property
    def _squeezed(self) -> re.Pattern[str]:
        """The same for a text whose spaces were all taken out, because it was wrapped in the middle of words.

        A short word is told from others only by its edges ("enotfound" stands in "resource not found"): without them
        it says nothing.
        """
        if _SHORT_WORD.fullmatch(self.pattern):
            return _NEVER
        return re.compile(self.pattern.replace(r"\b", "").replace(" ", ""))


def rules(slug: str, rank: Rank, source: str, *patterns: str, note: str = "") -> tuple[Rule, ...]:
    """Several patterns of one cause, rank and source."""
    return tuple(Rule(slug, pattern, rank, source, note) for pattern in patterns)
