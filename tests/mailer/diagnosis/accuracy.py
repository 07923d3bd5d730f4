"""How often the right cause is named for the texts of `real_texts.jsonl`, counted apart for the parts of it.

A row: `text` as it was printed, `slug` its cause by a reader's judgement ("other" where the text does not tell it),
`source` where it was found, `held_out` where it was set apart before any rule was tried on it. `first_try`: what the
rules said of it when they first saw it; written down before any of them was touched, and never changed afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mailer.diagnosis import diagnose
from mailer.diagnosis.causes import UNKNOWN

ROWS: list[dict[str, Any]] = [
    json.loads(line) for line in Path(__file__).with_name("real_texts.jsonl").read_text("utf-8").splitlines()
]
LOOKED_AT = [row for row in ROWS if not row.get("held_out")]
HELD_OUT = [row for row in ROWS if row.get("held_out") and "first_try" not in row]
FIRST_TRIED = [row for row in ROWS if "first_try" in row]


@dataclass(frozen=True)
class Answer:
    """What was said of one text."""

    text: str
    right: str
    said: str

    @property
    def is_right(self) -> bool:
        return self.said == self.right

    @property
    def is_unknown(self) -> bool:
        """Called unknown though its cause is known: honest, but of no help."""
        return not self.is_right and self.said == UNKNOWN

    @property
    def is_misleading(self) -> bool:
        """A wrong cause, said as if it were known: it sends people the wrong way."""
        return not self.is_right and self.said != UNKNOWN


def answers(rows: Iterable[dict[str, Any]]) -> list[Answer]:
    return [Answer(row["text"], row["slug"], diagnose(row["text"]).slug) for row in rows]


def first_answers(rows: Iterable[dict[str, Any]]) -> list[Answer]:
    return [Answer(row["text"], row["slug"], row["first_try"]) for row in rows]


def accuracy(given: list[Answer]) -> float:
    return sum(answer.is_right for answer in given) / len(given)
