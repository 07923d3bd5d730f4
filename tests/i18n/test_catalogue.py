"""The French catalogue is whole, true to the English, and compiled; so every text is told in both languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.conf import settings

from tests.i18n.extraction import Text, texts

FOLDER = Path(settings.LOCALE_PATHS[0]) / "fr" / "LC_MESSAGES"
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[a-z]|\{\w*\}")
EDGES = re.compile(r"^(\s*).*?(\s*)$", re.DOTALL)
RENEW = "Renew and translate locale/fr as CONTRIBUTING.md says"


def read(name: str) -> dict[Text, tuple[str, ...]]:
    """The French of each text; a form that is not translated is empty."""
    with (FOLDER / name).open("rb") as file:
        content: Catalog = read_mo(file) if name.endswith(".mo") else read_po(file, locale="fr")
    return {
        Text(_forms(message.id), _context(message)): ("",) if message.fuzzy else _forms(message.string)
        for message in content
        if message.id
    }


def _context(message: Message) -> str:
    """Babel leaves that of a compiled text in bytes."""
    context: str | bytes = message.context or ""
    return context.decode() if isinstance(context, bytes) else context


def _forms(value: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    return (value or "",) if value is None or isinstance(value, str) else tuple(value)


@pytest.fixture(scope="module")
def catalogue() -> dict[Text, tuple[str, ...]]:
    return read("django.po")


def pairs(catalogue: dict[Text, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    """English and French of each translated form, the French plural beside the English one."""
    for text, forms in catalogue.items():
        if all(forms):
            yield from zip((*text.forms, text.forms[-1]), forms, strict=False)


def test_every_text_of_code_and_pages_is_in_french(catalogue: dict[Text, tuple[str, ...]]) -> None:
    translated = {part for text, forms in catalogue.items() if all(forms) for part in (text, text.singular)}
    missing = {text.forms[0]: file for text, file in texts().items() if text not in translated}
    assert not missing, RENEW


def test_a_text_with_a_plural_has_as_many_forms_as_french(catalogue: dict[Text, tuple[str, ...]]) -> None:
    wrong = [text for text, forms in catalogue.items() if len(forms) != len(text.forms) and all(forms)]
    assert not wrong


def test_placeholders_are_those_of_the_english(catalogue: dict[Text, tuple[str, ...]]) -> None:
    wrong = [
        (english, told)
        for english, told in pairs(catalogue)
        if set(PLACEHOLDER.findall(english)) != set(PLACEHOLDER.findall(told))
    ]
    assert not wrong


def test_white_space_around_a_text_is_that_of_the_english(catalogue: dict[Text, tuple[str, ...]]) -> None:
    wrong = [told for english, told in pairs(catalogue) if _edges(english) != _edges(told)]
    assert not wrong


def _edges(text: str) -> tuple[str, ...]:
    match = EDGES.match(text)
    assert match
    return match.groups()


@pytest.mark.parametrize(
    ("mistake", "pattern"),
    [
        ("no no-break space before a double sign", r"(?<!\u00a0)[:;?!»](?=[\s.,)]|$)"),
        ("no no-break space after an opening quotation mark", r"«(?!\u00a0)"),
        ("a straight apostrophe", r"\w'\w"),
        ("straight quotation marks", r'"'),
    ],
)
def test_the_french_is_set_as_french_is(catalogue: dict[Text, tuple[str, ...]], mistake: str, pattern: str) -> None:
    wrong = [told for _english, told in pairs(catalogue) if re.search(pattern, re.sub("<[^>]*>", "", told))]
    assert not wrong, mistake


def test_what_is_compiled_is_what_is_written(catalogue: dict[Text, tuple[str, ...]]) -> None:
    written = {text: forms for text, forms in catalogue.items() if all(forms)}
    assert read("django.mo") == written, RENEW
