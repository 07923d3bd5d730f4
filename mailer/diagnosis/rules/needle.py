"""Words without which a pattern cannot match: to look for them first is many times faster than to try the pattern."""

from __future__ import annotations

import re

_SHORTEST = 3
_STEP = re.compile(r"\\.|\[(?:\\.|[^\]])+\]|\{\d*,?\d*\}|.", re.DOTALL)


def needles(pattern: str) -> tuple[str, ...]:
    """One for each alternative of the pattern: its longest run of plain letters outside of any group.

    Empty if an alternative has none: then the pattern itself has to be tried on every text.
    """
    found = []
    for branch in _branches(pattern):
        longest = max(_runs(branch), key=len, default="")
        if len(longest) < _SHORTEST:
            return ()
        found.append(longest)
    return tuple(found)


def _branches(pattern: str) -> list[list[str]]:
    """The pattern cut at each `|` outside of groups; a group becomes one step that is no letter."""
    branches: list[list[str]] = [[]]
    depth = 0
    for step in _STEP.findall(pattern):
        if step == "(":
            depth += 1
        elif step == ")":
            depth -= 1
            branches[-1].append("()")
        elif depth == 0 and step == "|":
            branches.append([])
        elif depth == 0:
            branches[-1].append(step)
    return branches


def _runs(steps: list[str]) -> list[str]:
    runs = [""]
    for step in steps:
        if step in ("?", "*") or step.startswith("{"):
            runs[-1] = runs[-1][:-1]  # what stands before it may be missing
            runs.append("")
        elif len(step) == 1 and step not in ".^$+":
            runs[-1] += step
        elif len(step) == 2 and step[0] == "\\" and not step[1].isalnum():
            runs[-1] += step[1]
        else:
            runs.append("")
    return runs
