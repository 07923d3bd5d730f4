"""`python -m tests.mailer.diagnosis`: how often the right cause is named, for each cause and in all.

The parts of the collection apart; a text called unknown apart from one given a wrong cause; the wrong ones listed.
Of the texts gathered last both figures: what the rules said when they first saw them, and what they say now.
"""

from __future__ import annotations

import sys
from collections import defaultdict

from tests.mailer.diagnosis import speed
from tests.mailer.diagnosis.accuracy import FIRST_TRIED, HELD_OUT, LOOKED_AT, Answer, accuracy, answers, first_answers

_COLUMNS = "{:<30}{:>7}{:>7}{:>9}{:>12}"


def report(title: str, given: list[Answer]) -> str:
    by_cause: dict[str, list[Answer]] = defaultdict(list)
    for answer in given:
        by_cause[answer.right].append(answer)
    lines = [
        f"{title}: right on {accuracy(given):.1%} of {len(given)} texts",
        "",
        _COLUMNS.format("cause", "texts", "right", "unknown", "misleading"),
        *(_counted(cause, by_cause[cause]) for cause in sorted(by_cause)),
        _counted("in all", given),
        "",
        *(f"  {one.right} was called {one.said}: {one.text[:100]!r}" for one in given if not one.is_right),
    ]
    return "\n".join(lines)


def _counted(cause: str, given: list[Answer]) -> str:
    right, unknown, misleading = (
        sum(getattr(answer, kind) for answer in given) for kind in ("is_right", "is_unknown", "is_misleading")
    )
    return _COLUMNS.format(cause, len(given), right, unknown, misleading)


if __name__ == "__main__":
    sys.stdout.write(report("Looked at while the rules were written", answers(LOOKED_AT)) + "\n\n")
    sys.stdout.write(report("Held out", answers(HELD_OUT)) + "\n\n")
    sys.stdout.write(report("Gathered last, when the rules first saw them", first_answers(FIRST_TRIED)) + "\n\n")
    sys.stdout.write(report("Gathered last, now", answers(FIRST_TRIED)) + "\n\n")
    sys.stdout.write(speed.report() + "\n")
