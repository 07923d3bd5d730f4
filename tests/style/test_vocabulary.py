"""Names and words of the whole project."""

from __future__ import annotations

import pytest

from tests.style.vocabulary import RULES, tracked


@pytest.mark.parametrize("rule", sorted(RULES))
def test_names_and_words(rule: str) -> None:
    broken = list(RULES[rule](tracked()))
    assert broken == [], f"{len(broken)} places; python -m tests.style.vocabulary lists them"
