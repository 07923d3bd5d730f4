"""Texts for one kind of a cause, where those of the whole cause would send the reader the wrong way.

A cause is wide ("the recipient's side refused the message"); who must act and what helps often depends on more that the
error says: which server spoke, whether it is final, whose limit it is. The first advice whose pattern the text contains
replaces the texts of the cause.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from mailer.diagnosis.causes import Owner
from mailer.diagnosis.texts.entry import Entry


@dataclass(frozen=True)
class Advice:
    """`when` and `unless` are regular expressions for normalized text, as in a `Rule`. What is empty is the cause's
    own. The same placeholders as in an `Entry` are filled in."""

    slugs: tuple[str, ...]
    when: str
    explanation: str
    owner: Owner
    fix: tuple[str, ...]
    title: str = ""
    pages: tuple[str, ...] = ()
    unless: str = r"(?!)"

    def fits(self, slug: str, plain_text: str) -> bool:
        if slug not in self.slugs or not self._when.search(plain_text):
            return False
        return not self._unless.search(plain_text)

    def applied_to(self, entry: Entry) -> Entry:
        """The entry of the cause with these texts in place of its own."""
        return Entry(self.title or entry.title, self.explanation, self.owner, self.fix, self.pages or entry.pages)

    @cached_property
    def _when(self) -> re.Pattern[str]:
        return re.compile(self.when)

    @cached_property
    def _unless(self) -> re.Pattern[str]:
        return re.compile(self.unless)
