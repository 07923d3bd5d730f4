"""Lists of addresses as mail programs and spreadsheets copy them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.pasted_address import split_addresses

TWO = ["anna@example.com", "bo@example.com"]


@pytest.mark.parametrize(
    "text",
    [
        "anna@example.com;bo@example.com",
        "anna@example.com, bo@example.com",
        "anna@example.com bo@example.com",
        "anna@example.com\r\n\r\nbo@example.com\n",
        "Svensson, Anna <anna@example.com>; Bo Ek <bo@example.com>",  # Outlook
        '"Svensson, Anna" <anna@example.com>, Bo Ek <bo@example.com>',  # Thunderbird, Gmail
        "anna@example.com, Bo Ek <bo@example.com>",
        "Anna <anna@example.com>, bo@example.com",
        "<anna@example.com>,<bo@example.com>",
        "mailto:anna@example.com; MAILTO:bo@example.com",
        "anna@example.com <mailto:anna@example.com>; bo@example.com",
        "\u200banna@example.com\u200e;\ufeffbo@example.com\u00a0",
        "anna@example.com;;; ;bo@example.com;",
        "anna@example.com\tbo@example.com",
    ],
)
def test_addresses_are_taken_out(text: str) -> None:
    assert split_addresses(text) == TWO


@pytest.mark.parametrize(
    ("text", "words"), [("anna@example.com, nonsense", ["anna@example.com", "nonsense"]), ("", [])]
)
def test_a_word_that_is_no_address_stays_for_the_message(text: str, words: list[str]) -> None:
    assert split_addresses(text) == words


@given(st.text(max_size=200))
def test_any_text_is_split(text: str) -> None:
    found = split_addresses(text)
    assert len(found) == len(set(found))
    assert all(found)


@pytest.mark.parametrize("piece", ["a", "<", ">", '"', "<a", "a>", ", ", '"<', "a@b <"])
def test_a_long_text_takes_no_longer_than_its_length(piece: str) -> None:
    """Quadratic time would be minutes here; the test run's limit would end it."""
    assert len(split_addresses(piece * (1_000_000 // len(piece)))) <= 1_000_000
