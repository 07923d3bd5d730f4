"""One rule, and its rank.

If several rules match a text, the highest rank wins; among equal ranks the first in `all_rules.ALL_RULES`. So a text
with "401", "invalid_client" and "AADSTS7000222" in any order means an expired secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Final

from mailer.diagnosis.rules.literal_prefilter import required_literals

_NEVER: Final = re.compile(r"(?!)")
_SHORT_WORDS: Final = re.compile(r"\\b(?:\w{1,11}|\(\?:\w{1,12}(?:\|\w{1,12}){0,20}\))\\b")
_SHORT_WORD: Final = re.compile(r"\\b\w{1,11}\\b")


MAX_MATCH_DISTANCE: Final = 512
"""Characters: the maximum length of a match on either side of its literal, including lookarounds."""


def _search_around(word: str, pattern: re.Pattern[str], view: str) -> re.Match[str] | None:
    """The first match near an occurrence of the literal; the pattern is not tried on the rest of the text."""
    at = view.find(word)
    while at >= 0:
        begin = max(0, at - MAX_MATCH_DISTANCE)
        end = at + MAX_MATCH_DISTANCE
        while 0 <= (at := view.find(word, at + 1)) < end:  # overlapping ranges are searched as one
            end = at + MAX_MATCH_DISTANCE
        if match := pattern.search(view, begin, end):
            return match
    return None


class Rank(IntEnum):
    """How specific a match is. Higher wins."""

    HINT = 10
    """Possible for many causes: a bare HTTP status, the outermost exception of a stack."""
    NUMBER = 15
    """A number that servers use for many causes (SMTP's bare 5.7.1, 4.4.0): any word beside it says more."""
    COMPOSED = 17
    """Words of several concepts close together, in any of seven languages (`compositions`)."""
    GENERIC = 20
    """A code of a whole family: `invalid_client`, `ErrorAccessDenied`."""
    WORDING = 30
    """A phrase used for one cause only. Servers may reword it, so any code has precedence."""
    CODE = 40
    """A code used for one cause only."""
    REFINED = 50
    """A phrase or a second code that distinguishes the causes of one code."""


@dataclass(frozen=True)
class Rule:
    """`pattern` is a regular expression for normalized text (`normalization`): lower case, no accents, single spaces.
    It has no unbounded repetition, so that its time is linear in the text's length.
    """

    slug: str
    pattern: str
    rank: Rank
    source: str

    def found_in(self, view: str, *, squeezed: bool = False) -> re.Match[str] | None:
        """The first match in a normalized text, or in one without spaces (`squeezed`)."""
        pattern = self._squeezed if squeezed else self._plain
        words = self._squeezed_needles if squeezed else self._needles
        if not words:
            return pattern.search(view)
        matches = [match for word in words for match in [_search_around(word, pattern, view)] if match]
        return min(matches, key=re.Match.start, default=None)

    def may_match(self, letters: set[str], *, squeezed: bool = False) -> bool:
        """Whether a text with exactly these letters may contain one of the rule's literals."""
        words = self._squeezed_needles if squeezed else self._needles
        return not words or any(letters.issuperset(word) for word in words)

    @property
    def squeezed_pattern(self) -> str:
        """The pattern for a text without spaces."""
        return self._squeezed.pattern

    @cached_property
    def _needles(self) -> tuple[str, ...]:
        return required_literals(self.pattern)

    @cached_property
    def _squeezed_needles(self) -> tuple[str, ...]:
        return required_literals(self._squeezed.pattern)

    @cached_property
    def _plain(self) -> re.Pattern[str]:
        return re.compile(self.pattern)

    @cached_property
    def _squeezed(self) -> re.Pattern[str]:
        """The pattern for a text without spaces, which was wrapped in the middle of words.

        A short word needs its boundaries ("enotfound" is part of "resource not found"), so it never matches here; nor
        does a pattern with a part "up to the next space".
        """
        if _SHORT_WORD.fullmatch(self.pattern) or r"\S" in self.pattern:
            return _NEVER
        longer = _SHORT_WORDS.sub("(?!)", self.pattern)
        return re.compile(longer.replace(r"\b", "").replace(" ", ""))


def rules(slug: str, rank: Rank, source: str, *patterns: str) -> tuple[Rule, ...]:
    """Several patterns of one cause, rank and source."""
    return tuple(Rule(slug, pattern, rank, source) for pattern in patterns)
