"""Literals without which a pattern cannot match: searching for them first is many times faster than the pattern."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

_MIN_LENGTH = 3
_TOKEN = re.compile(r"\\.|\[(?:\\.|[^\]])+\]|\{\d*,?\d*\}|\(\?(?:<?[!=]|:)|.", re.DOTALL)
_OPTIONAL = re.compile(r"[?*]|\{0?,")

Literals = tuple[str, ...]


def required_literals(pattern: str) -> Literals:
    """One literal for each alternative of the pattern: its longest run of plain letters, or if that is too short those
    of the alternatives of a required group.

    Empty if an alternative has none: then the pattern itself must be tried on every text.
    """
    return _alternatives(iter(_TOKEN.findall(pattern)))


def _alternatives(steps: Iterator[str]) -> Literals:
    """The literals up to the end of the group that the tokens are in."""
    branches: list[list[str | Literals]] = [[]]
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
    found = [_sequence(branch) for branch in branches]
    return tuple(dict.fromkeys(word for words in found for word in words)) if all(found) else ()


def _sequence(steps: list[str | Literals]) -> Literals:
    runs = [""]
    groups: list[Literals] = []
    for before, step in pairwise(["", *steps]):
        if isinstance(step, tuple):
            groups.append(step)
            runs.append("")
        elif _OPTIONAL.match(step):
            runs[-1] = runs[-1][:-1]  # the preceding character is optional
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
    if len(longest) >= _MIN_LENGTH:
        return (longest,)
    return max(groups, key=lambda words: min(map(len, words), default=0), default=())
