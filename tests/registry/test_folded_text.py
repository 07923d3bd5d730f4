"""Text search without regard to case and accents: the same rows on SQLite and PostgreSQL, and as `fold` says."""

from __future__ import annotations

import unicodedata

import pytest
from django.db.models import TextField, Value
from django.db.models.functions import Cast
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from alertadmin.registry.folded_text import fold
from alertadmin.registry.models import Tenant

FOUND = {
    # what a name holds: what finds it
    "Société Générale des Eaux": ("societe generale", "SOCIÉTÉ", "GÉNÉRALE", "ge\u0301ne\u0301rale", "générale"),
    "E\u0301nergie": ("énergie", "ÉNERGIE", "energie", "Energie"),
    "Straßenbau Müller": ("strasse", "STRASSENBAU", "STRAẞE", "straße", "muller", "MÜLLER"),
    "İstanbul Işık": ("istanbul", "ISTANBUL", "işik", "isik", "ışık"),
    "Œuvre Cœur": ("oeuvre", "ŒUVRE", "coeur", "CŒUR"),
    "Ærø Ørsted": ("aero", "ÆRØ", "orsted", "ØRSTED"),
    "Łódź Gdańsk": ("lodz", "ŁÓDŹ", "gdansk", "łódź"),
    "Þórr Ðí": ("thorr", "ÞÓRR", "di"),
    "ﬁrst ﬂoor": ("first", "FLOOR", "ﬁ"),
    "L’Oréal «Paris»": ("l'oreal", "L’ORÉAL", "l`oreal", '"paris"'),
    "Žižkov Dvořák": ("zizkov", "dvorak", "DVOŘÁK"),
    "ΑΘΗΝΑ Νίκος": ("αθηνα", "νικος", "ΝΊΚΟΣ", "νίκοσ"),
    "Сертификат Ёлка": ("сертификат", "СЕРТИФИКАТ", "елка", "Ёлка"),
    "Tiếng Việt": ("tieng viet", "TIẾNG", "việt"),
    "ＦＵＬＬ width": ("full", "ＦＵＬＬ"),
    "東京電力": ("東京", "電力"),
    "zero\u200bwidth soft\u00adhyphen": ("zerowidth", "softhyphen"),
    "non\u00a0breaking": ("non breaking", "non\u202fbreaking"),
    "100 % – now": ("100 %", "% - n", "–"),
    "under_score\\back": ("under_score", "\\", "_"),
    "tick`tick": ("k't", "k`t"),
}
NOT_FOUND = ("xyz", "societé du", "mueller", "_%", "100_", "東北")
NAMES = st.text(
    st.one_of(
        st.sampled_from("aAéÉe\u0301ßẞıİIœŒøØłŁǅςΣ'’`-–_%\\* \u200b"),
        st.characters(codec="utf-8", exclude_characters="\0"),
    ),
    max_size=12,
)


def matching(term: str) -> set[str]:
    return set(Tenant.objects.filter(name__folded_contains=term).values_list("name", flat=True))


@pytest.fixture
def names(db: None) -> tuple[str, ...]:
    Tenant.objects.bulk_create(
        Tenant(name=name, directory_id=f"11111111-1111-4111-8111-{number:012}") for number, name in enumerate(FOUND)
    )
    return tuple(FOUND)


@pytest.mark.postgresql
def test_terms(names: tuple[str, ...]) -> None:
    for name, terms in FOUND.items():
        for term in terms:
            assert name in matching(term), (name, term)
            assert matching(term) == {one for one in names if fold(term) in fold(one)}
    for term in NOT_FOUND:
        assert matching(term) == set(), term


@pytest.mark.postgresql
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(NAMES, NAMES)
@example("İ", "i̇")
def test_any_text(names: tuple[str, ...], text: str, other: str) -> None:
    row = Tenant.objects.annotate(text=Cast(Value(text), TextField())).filter(name=names[0])
    for term in (other, text[1:3], fold(text)[:2]):
        assert row.filter(text__folded_contains=term).exists() == (fold(term) in fold(text))


def test_case_accents_and_composition_do_not_matter() -> None:
    """Of every letter that Latin, Greek and Cyrillic writing has."""
    for letter in map(chr, [*range(0x20, 0x530), *range(0x1E00, 0x2000)]):
        if unicodedata.category(letter)[0] != "L":
            continue
        forms = {letter, unicodedata.normalize("NFD", letter), unicodedata.normalize("NFC", letter)}
        assert len({fold(form) for form in forms}) == 1, letter
        if len(letter.upper()) == 1 and letter.upper().lower() == letter:
            assert fold(letter.upper()) == fold(letter), letter


@given(NAMES)
def test_fold_is_stable(text: str) -> None:
    assert fold(fold(text)) == fold(text)
