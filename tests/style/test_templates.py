"""Templates are read like code: no line over 120 columns, but one that is a single tag, which cannot be broken.
`djlint --check` in ./test holds their layout."""

from __future__ import annotations

import re
from pathlib import Path

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
COLUMNS = 120
DJANGO_TAG = re.compile(r"\{%.*?%\}|\{\{.*?\}\}")
PART_OF_ONE_TAG = re.compile(r"(<[\w-]+\b|[\w-]+=)[^<>]*>?(</\w+>)?|")


def test_no_template_has_long_lines() -> None:
    long = [
        f"{path.relative_to(TEMPLATES)}:{number}: {line.strip()[:60]}"
        for path in TEMPLATES.rglob("*.html")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > COLUMNS and not PART_OF_ONE_TAG.fullmatch(DJANGO_TAG.sub("", line).strip())
    ]
    assert long == []
