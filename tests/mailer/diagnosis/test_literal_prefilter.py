"""The prefilter by literals never hides a match."""

from __future__ import annotations

import importlib
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.diagnosis import normalization
from mailer.diagnosis.rules.all_rules import ALL_RULES
from mailer.diagnosis.rules.literal_prefilter import required_literals
from mailer.diagnosis.rules.rule import MAX_MATCH_DISTANCE, Rank
from tests.mailer.diagnosis.accuracy import ROWS


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("client secret", ("client secret",)),
        (r"(?<![\d.])5\.7\.60(?!\d|\.\d)", ("5.7.60",)),
        (r"\berrorquota\b|mailbox full", ("errorquota", "mailbox full")),
        ("abcd? ef{2}ghi*", ("abc",)),
        ("too (?:many|few) recipients", (" recipients",)),
        (r"x509: [a|b] (?:a|b)", ("x509: ",)),
        ("(?:one|two)", ("one", "two")),
        (r"\b(?:one|t?wo three|ten)\b.{0,9}", ("one", "wo three", "ten")),
        ("(?:one|tw)", ()),
        ("(?:one)?(?:three|four){0,2}", ()),
        ("(?<!one)(?!two)x{2}", ()),
        ("ab|abcdef", ()),
        (r"\d+\w", ()),
    ],
)
def test_longest_literal_of_each_alternative_is_found(pattern: str, words: tuple[str, ...]) -> None:
    assert required_literals(pattern) == words


@pytest.mark.parametrize("squeezed", [False, True], ids=["plain", "squeezed"])
def test_prefilter_misses_no_match(squeezed: bool) -> None:
    view = normalization.normalize_text("\n".join(normalization.unwrap(row["text"]) for row in ROWS))
    view = normalization.strip_spaces(view) if squeezed else view
    missed = []
    for rule in ALL_RULES:
        if squeezed and rule.rank < Rank.WORDING:
            continue
        pattern = rule.squeezed_pattern if squeezed else rule.pattern
        if bool(re.search(pattern, view)) != bool(rule.found_in(view, squeezed=squeezed)):
            missed.append(rule.pattern)
    assert missed == []


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_every_match_contains_a_literal_of_its_rule(data: st.DataObject) -> None:
    rule = data.draw(st.sampled_from(ALL_RULES))
    text = data.draw(st.from_regex(rule.pattern))
    assert rule.found_in(text)


def test_few_rules_have_no_literal() -> None:
    """What bounds the work on a long text of anything: a word is looked for in a hundredth of a pattern's time."""
    assert sum(not required_literals(rule.pattern) for rule in ALL_RULES) <= 5


def test_no_pattern_matches_beyond_the_maximum_distance() -> None:
    widths = [importlib.import_module("re._parser").parse(rule.pattern).getwidth()[1] for rule in ALL_RULES]
    assert max(widths) + 10 < MAX_MATCH_DISTANCE  # some look a little beyond what they match
