"""Values of ALERTADMIN_KEYS; invalid ones are refused without repeating them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertadmin.keyring_config import InvalidKeySource, KeyVaultSource, TransitSource, VariableSource, parse

KEY, OTHER = "a" * 43 + "=", "b" * 43 + "="


def test_nothing_means_the_key_file() -> None:
    assert parse(" ") is None


@pytest.mark.control(14)
def test_the_first_of_keys_given_is_the_primary_one_and_none_is_shown() -> None:
    found = parse(f"k2:{OTHER}, k1:{KEY}")
    assert isinstance(found, VariableSource)
    assert (found.primary, dict(found.keys)) == ("k2", {"k2": OTHER, "k1": KEY})
    assert KEY not in repr(found)


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("https://w.vault.azure.net/keys/ring", KeyVaultSource("https://w.vault.azure.net", "ring", "")),
        (
            "https://w.managedhsm.azure.net/keys/ring/0a1b/",
            KeyVaultSource("https://w.managedhsm.azure.net", "ring", "0a1b"),
        ),
        ("vault+https://v.example:8200/transit/ring", TransitSource("https://v.example:8200", "transit", "ring")),
        ("vault+https://v.example/ops/transit/ring", TransitSource("https://v.example", "ops/transit", "ring")),
    ],
)
def test_the_address_of_a_key_elsewhere_is_taken_apart(value: str, meant: KeyVaultSource | TransitSource) -> None:
    assert parse(value) == meant


@pytest.mark.control(14)
@pytest.mark.parametrize(
    "value",
    [
        "k1",
        "k1:c2hvcnQ=",
        f":{KEY}",
        f"k1:{KEY},K1:{OTHER}",
        f"k1:{KEY};k2:{OTHER}",
        "http://w.vault.azure.net/keys/ring",
        "https://w.vault.azure.net/secrets/ring",
        "https://w.vault.azure.net/keys/",
        "https://user:word@w.vault.azure.net/keys/ring",
        "vault+http://v.example/transit/ring",
        "vault+https://v.example/ring",
        "vault+https://v.example:0x1/transit/ring",
        "vault+https:///transit/ring",
    ],
)
def test_what_makes_no_sense_is_a_sentence_that_does_not_repeat_it(value: str) -> None:
    with pytest.raises(InvalidKeySource, match="ALERTADMIN_KEYS must") as refused:
        parse(value)
    assert value not in str(refused.value)


@given(st.text())
def test_any_text_is_understood_or_refused(value: str) -> None:
    with suppress(InvalidKeySource):
        parse(value)
