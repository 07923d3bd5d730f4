"""Words without which a pattern cannot match: to look for them first is many times faster than to try the pattern."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

_SHORTEST = 3
_STEP = re.compile(r"\\.|\[(?:\\.|[^\]])+\]|\{\d*,?\d*\}|\(\?(?:<?[!=]|:)|.", re.DOTALL)
_OPTIONAL = re.compile(r"[?*]|\{0?,")

Words = tuple[str, ...]


def needles(pattern: str) -> Words:
    """One for each alternative of the pattern: its longest run of plain letters; where that is too short, those of the
    alternatives of a group that cannot be missing.

    Empty if an alternative has none: then the pattern itself has to be tried on every text.
    """
    return _alternatives(iter(_STEP.findall(pattern)))


def _alternatives(steps: Iterator[str]) -> Words:
    """Up to the end of the group that the steps are in."""
    branches: list[list[str | Words]] = [[]]
    for step in steps:
        if step == ")":
            break
        if step.startswith("("):
            inside = _alternatives(steps)
            branches[-1].append(inside if step in ("(", "(?:") else ())
        elif step == "|":
            branches.append([])
        else:
            branches[-1].append(step)
    found = [_of(branch) for branch in branches]
    return tuple(dict.fromkeys(word for words in found for word in words)) if all(found) else ()


def _of(steps: list[str | Words]) -> Words:
    runs = [""]
    groups: list[Words] = []
    for before, step in pairwise(["", *steps]):
        if isinstance(step, tuple):
            groups.append(step)
            runs.append("")
        elif _OPTIONAL.match(step):
            runs[-1] = runs[-1][:-1]  # what stands before it may be missing
            if isinstance(before, tuple):
                groups.pop()
            runs.append("")
        elif step.startswith("{"):
            runs.append("")
        elif len(step) == 1 and step not in ".^$+":
            runs[-1] += step
        elif len(step) == 2 and step[0] == "\\" and not step[1].isalnum():
            runs[-1] += step[1]
        else:
            runs.append("")
    longest = max(runs, key=len)
    if len(longest) >= _SHORTEST:
        return (longest,)
    return max(groups, key=lambda words: min(map(len, words), default=0), default=())
