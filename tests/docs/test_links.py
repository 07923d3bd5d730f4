"""Links between the documents lead to files; pictures are small enough for a clone."""

from __future__ import annotations

import re

import pytest

from tests.supervisor.installation import PROJECT

DOCUMENTS = [*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")]
LARGEST_PICTURE = 150_000
"""Bytes."""


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_relative_links_lead_to_files(document: object) -> None:
    path = PROJECT / str(document)
    text = path.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#\s]+)", text) + re.findall(r'src="([^"]+)"', text)
    assert [link for link in links if "://" not in link and not (path.parent / link).exists()] == []


def test_pictures_are_small() -> None:
    sizes = {path.name: path.stat().st_size for path in (PROJECT / "docs" / "screenshots").glob("*.png")}
    assert len(sizes) >= 5
    assert {name: size for name, size in sizes.items() if size > LARGEST_PICTURE} == {}
