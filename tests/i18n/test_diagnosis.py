"""Each cause is explained in French as wholly as in English, and the JSON of `diagnose` in English alone."""

from __future__ import annotations

import json
import re
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import translation
from django.utils.translation import gettext

from mailer.clouds import BUILTIN
from mailer.diagnosis import SLUGS, Diagnosis, explain
from mailer.diagnosis.texts.advice import Advice
from mailer.diagnosis.texts.advice_catalog import ALL_ADVICE

IDS = {
    "cloud": BUILTIN["gcc-high"],
    "directory_id": "11111111-1111-4111-8111-111111111111",
    "client_id": "22222222-2222-4222-8222-222222222222",
    "mailbox": "alarms@contoso.example",
}
EXPIRED = "AADSTS7000222: The provided client secret keys for app are expired."


def words(diagnosis: Diagnosis) -> list[str]:
    titles = [link.title for link in diagnosis.links]
    return [diagnosis.title, diagnosis.explanation, *diagnosis.fix, *titles]


@pytest.mark.parametrize("slug", SLUGS)
@pytest.mark.parametrize("ids", [{}, IDS], ids=["without ids", "with ids"])
def test_every_word_of_a_cause_is_french(french: None, slug: str, ids: dict[str, object]) -> None:
    english, told = words(explain(slug, **ids)), words(explain(slug, **ids, translate=gettext))  # type: ignore[arg-type]
    assert len(told) == len(english)
    same = [text for text, original in zip(told, english, strict=True) if text == original]
    assert not same
    assert not [text for text in told if "%(" in text]


@pytest.mark.parametrize("slug", SLUGS)
def test_ids_addresses_and_commands_are_the_same_in_both_languages(french: None, slug: str) -> None:
    def technical(diagnosis: Diagnosis) -> list[set[str]]:
        code = re.compile(r"https://\S+|\b[\w.]+@[\w.]+|\b[0-9a-f-]{36}\b|\b[A-Z][a-z]+-[A-Z]\w+|(?<= )-[A-Z]\w+|\$\w+")
        return [{found.rstrip(".,;:") for found in code.findall(text)} for text in words(diagnosis)]

    assert technical(explain(slug, **IDS, translate=gettext)) == technical(explain(slug, **IDS))  # type: ignore[arg-type]


@pytest.mark.parametrize("advice", ALL_ADVICE, ids=lambda advice: advice.title)
def test_advice_for_a_kind_of_a_cause_is_french_too(french: None, advice: Advice) -> None:
    texts = [advice.title, advice.explanation, *advice.fix]
    assert [text for text in texts if gettext(text) == text] == []


def test_diagnose_speaks_the_installation_s_language_to_people() -> None:
    assert "The client secret has expired" in _printed("diagnose", EXPIRED)
    with translation.override("fr"):
        assert "Le secret client a expiré" in _printed("diagnose", EXPIRED)


def test_diagnose_speaks_english_to_programs_whatever_the_language() -> None:
    english = _printed("diagnose", EXPIRED, "--json")
    assert json.loads(english)["title"] == "The client secret has expired"
    with translation.override("fr"):
        assert _printed("diagnose", EXPIRED, "--json") == english


def _printed(*command: str) -> str:
    out = StringIO()
    call_command(*command, stdout=out)
    return out.getvalue()
