"""Pages, mails and the French catalogue keep to docs/glossary.md: its second table lists the words to avoid."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from alertadmin.paths import PROJECT
from tests.i18n.extraction import texts
from tests.i18n.test_catalogue import read

GLOSSARY = PROJECT / "docs" / "glossary.md"
ROW = re.compile(r"^\| (English|French) \| (.+) \| (.+) \|$", re.MULTILINE)
NOT_TEXT = re.compile(r"%\(\w+\)[sd]|\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}|<[^>]*>", re.DOTALL)
"""Placeholders, tags and variables: their names are code."""


def avoided(language: str) -> dict[str, re.Pattern[str]]:
    """What stands in place of a word, with the pattern of the word."""
    found = {}
    for row_language, words, instead in ROW.findall(GLOSSARY.read_text("utf-8")):
        if row_language == language:
            for word in re.findall(r"`([^`]+)`", words):
                pattern = word.replace(r"\|", "|")
                found[f"{pattern} -> {instead}"] = re.compile(rf"(?<!\w){pattern}(?!\w)", re.IGNORECASE)
    return found


def breaches(language: str, named: Iterator[tuple[str, str]]) -> list[str]:
    patterns = avoided(language)
    return [
        f"{place}: {text!r}: {rule}"
        for place, text in named
        for rule, pattern in patterns.items()
        if pattern.search(NOT_TEXT.sub(" ", text))
    ]


def english() -> Iterator[tuple[str, str]]:
    for text, file in texts().items():
        yield from ((file, form) for form in text.forms)


def french() -> Iterator[tuple[str, str]]:
    for text, forms in read("django.po").items():
        yield from ((text.forms[0][:60], form) for form in forms)


def templates() -> Iterator[tuple[str, str]]:
    for path in sorted((PROJECT / "templates").rglob("*.*")):
        yield path.name, path.read_text("utf-8")


def test_texts_avoid_the_words_of_the_glossary() -> None:
    assert not breaches("English", english())


def test_templates_avoid_the_words_of_the_glossary() -> None:
    assert not breaches("English", templates())


def test_the_french_catalogue_avoids_the_words_of_the_glossary() -> None:
    assert not breaches("French", french())


@pytest.mark.parametrize("language", ["English", "French"])
def test_every_row_of_the_glossary_is_a_pattern(language: str) -> None:
    assert len(avoided(language)) > 10


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("English", "The tenant is told of it"),
        ("English", "The secret ends on Friday"),
        ("French", "Le contact est prévenu"),
        ("French", "Un rôle partout"),
    ],
)
def test_an_avoided_word_is_found(language: str, text: str) -> None:
    assert breaches(language, iter([("here", text)]))


@pytest.mark.parametrize(
    ("language", "text"),
    [("English", "%(told)s by mail"), ("English", "The weekend is over"), ("French", "partout où ce secret sert")],
)
def test_names_of_placeholders_and_parts_of_words_are_not_found(language: str, text: str) -> None:
    assert not breaches(language, iter([("here", text)]))


def test_every_place_of_the_glossary_exists() -> None:
    places = re.findall(r"`((?:\w+/)+[\w.]*)`", GLOSSARY.read_text("utf-8"))
    assert len(places) > 40
    roots = (PROJECT, PROJECT / "alertadmin")
    assert not [place for place in places if not any((root / place).exists() for root in roots)]
