"""Valid addresses, which of them denote the same mailbox, and their form in SMTP."""

from __future__ import annotations

from time import monotonic

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailer.email_address import Flaw, InvalidAddress, canonical, is_same, parse
from tests.helpers.timeouts import IN_TIME

OWNER = "owner@northpark.example"

ONE_MAILBOX = {
    "as it is": OWNER,
    "capital letters": "Owner@NorthPark.EXAMPLE",
    "white space around": "\t owner@northpark.example\r\n",
    "no-break space around": "\u00a0owner@northpark.example\u202f",
    "zero width space at the end": "owner@northpark.example\u200b",
    "byte order mark before": "\ufeffowner@northpark.example",
    "marks of direction around": "\u202aowner@northpark.example\u202c",
    "soft hyphen at the end": "owner@northpark.example\u00ad",
    "a filler at the end": "owner@northpark.example\u3164",
    "an input method's full width": "ｏｗｎｅｒ＠ｎｏｒｔｈｐａｒｋ．ｅｘａｍｐｌｅ",
    "ideographic full stop": "owner@northpark。example",
    "a ligature of no other mailbox": "owner@northpark.e\u2093ample",
}
"""Spellings of one and the same."""

OTHER_MAILBOXES = {
    "dotless i": ("ada@victim.example", "ada@vıctim.example"),
    "capital i with dot": ("ada@victim.example", "ada@vİctim.example"),
    "dotless i in the local part": ("ida@victim.example", "ıda@victim.example"),
    "capital i with dot in the local part": ("ida@victim.example", "İda@victim.example"),
    "cyrillic o": (OWNER, "оwner@northpark.example"),
    "cyrillic a in the domain": (OWNER, "owner@northpаrk.example"),
    "greek o": (OWNER, "οwner@northpark.example"),
    "combining dot": (OWNER, "owner\u0323@northpark.example"),
    "accent": ("rene@x.example", "rené@x.example"),
    "sharp s of a domain": ("ada@strasse.example", "ada@straße.example"),
    "capital sharp s of a domain": ("ada@strasse.example", "ada@STRAẞE.example"),
    "sharp s of a local part": ("gross@x.example", "groß@x.example"),
    "final sigma of a domain": ("a@βόλοσ.example", "a@βόλος.example"),
    "punycode of a look-alike": ("ada@victim.example", "ada@xn--vctim-n4a.example"),
    "plus": ("owner@northpark.example", "owner+1@northpark.example"),
    "percent": ("owner@northpark.example", "owner%northpark.example@evil.example"),
    "a dot more": ("ada.l@x.example", "adal@x.example"),
    "digit one for l": ("ali@x.example", "a1i@x.example"),
    "a domain below": ("ada@x.example", "ada@mail.x.example"),
    "joiner where Persian has one": ("a@نامهای.example", "a@نامه\u200cای.example"),
}
"""Pairs that look alike, or that some database, server or standard of old takes for the same."""

REFUSED = {
    "": Flaw.FORM,
    "owner": Flaw.FORM,
    "@northpark.example": Flaw.FORM,
    "owner@": Flaw.DOMAIN,
    "owner@northpark.example.": Flaw.DOMAIN,
    "owner@northpark..example": Flaw.DOMAIN,
    "owner@.example": Flaw.DOMAIN,
    "owner@-northpark.example": Flaw.DOMAIN,
    "owner@north_park.example": Flaw.DOMAIN,
    "owner@northpark": Flaw.DOMAIN,
    "owner@192.0.2.1": Flaw.DOMAIN,
    "owner@[192.0.2.1]": Flaw.DOMAIN,
    "owner@[IPv6:2001:db8::1]": Flaw.DOMAIN,
    "owner@x.0x7f000001": Flaw.DOMAIN,
    "owner@xn--.example": Flaw.DOMAIN,
    "owner@xn--northpark-.example": Flaw.DOMAIN,
    "owner@xn--a.example": Flaw.DOMAIN,
    "owner@☃.example": Flaw.DOMAIN,
    f"owner@{'a' * 64}.example": Flaw.DOMAIN,
    '"owner"@northpark.example': Flaw.FORM,
    '"a b"@northpark.example': Flaw.FORM,
    "mailto:owner@northpark.example": Flaw.FORM,
    "Owner <owner@northpark.example>": Flaw.FORM,
    "<owner@northpark.example>": Flaw.FORM,
    "owner@northpark.example,ada@x.example": Flaw.FORM,
    "owner@northpark.example ada@x.example": Flaw.FORM,
    "owner@northpark.example@evil.example": Flaw.FORM,
    "owner＠evil.example@northpark.example": Flaw.FORM,
    "owner(comment)@northpark.example": Flaw.FORM,
    ".owner@northpark.example": Flaw.LOCAL_PART,
    "own..er@northpark.example": Flaw.LOCAL_PART,
    "owner.@northpark.example": Flaw.LOCAL_PART,
    "\u0301owner@northpark.example": Flaw.LOCAL_PART,
    "own☃er@northpark.example": Flaw.LOCAL_PART,
    "own\u200cer@northpark.example": Flaw.LOCAL_PART,
    "own\u200ber@northpark.example": Flaw.HIDDEN,
    "own\u00ader@northpark.example": Flaw.HIDDEN,
    "owner@north\u200bpark.example": Flaw.HIDDEN,
    "owner@north\u202epark.example": Flaw.HIDDEN,
    "owner@north\ufe0fpark.example": Flaw.HIDDEN,
    "own\x00er@northpark.example": Flaw.HIDDEN,
    "own\ud800er@northpark.example": Flaw.HIDDEN,
    "own\u0378er@northpark.example": Flaw.HIDDEN,
    f"{'a' * 65}@northpark.example": Flaw.TOO_LONG,
    f"{'é' * 33}@northpark.example": Flaw.TOO_LONG,
    f"abc@{'.'.join(['b' * 60] * 4)}.example": Flaw.TOO_LONG,
    "a" * 2_000_000: Flaw.TOO_LONG,
}


@pytest.mark.parametrize("typed", ONE_MAILBOX.values(), ids=ONE_MAILBOX)
def test_spellings_of_one_mailbox_are_equal(typed: str) -> None:
    assert canonical(typed) == OWNER
    assert is_same(typed, OWNER)
    assert parse(typed).wire.lower() == OWNER


@pytest.mark.parametrize(("one", "other"), OTHER_MAILBOXES.values(), ids=OTHER_MAILBOXES)
def test_lookalikes_are_different(one: str, other: str) -> None:
    assert not is_same(one, other)
    assert parse(one).wire.lower() != parse(other).wire.lower()


@pytest.mark.parametrize(("text", "flaw"), REFUSED.items(), ids=[ascii(text)[:50] for text in REFUSED])
def test_invalid_addresses_are_refused_with_their_flaw(text: str, flaw: Flaw) -> None:
    with pytest.raises(InvalidAddress) as refused:
        parse(text)
    assert refused.value.flaw == flaw


def test_the_hidden_character_is_named() -> None:
    with pytest.raises(InvalidAddress) as refused:
        parse("own\u200ber@northpark.example")
    assert refused.value.character == "\u200b"


def test_stored_form_keeps_the_case_of_the_local_part() -> None:
    assert parse(" Ada.Lovelace@STRAßE.Example ").stored == "Ada.Lovelace@straße.example"


@pytest.mark.parametrize("typed", ["ada@straße.example", "ada@xn--strae-oqa.example", "ADA@XN--STRAE-OQA.example"])
def test_domain_is_shown_in_unicode_and_sent_in_ascii(typed: str) -> None:
    address = parse(typed)
    assert address.canonical == "ada@straße.example"
    assert address.stored.endswith("@straße.example")
    assert address.wire.endswith("@xn--strae-oqa.example")


LETTERS = st.characters(codec="utf-8")
TEXTS = st.builds("{}@{}.example".format, st.text(LETTERS, min_size=1, max_size=12), st.text(LETTERS, max_size=12))


@given(TEXTS)
@example("İ@x.example")
@example("ẞ@x.example")
@example("ᾼ@x.example")
@example("a\u0345@x.example")
@example("Ꭰ@x.example")
def test_all_forms_of_an_address_are_equal(text: str) -> None:
    try:
        address = parse(text)
    except InvalidAddress:
        return
    for form in (address.stored, address.canonical, address.wire, f"\u200b{text} \ufeff"):
        assert parse(form).canonical == address.canonical
    assert parse(address.stored) == address
    assert parse(address.canonical).stored == address.canonical
    assert address.wire.rpartition("@")[2].isascii()


@given(st.from_regex(r"[a-z][a-z0-9.+_-]{0,10}[a-z0-9]@[a-z][a-z0-9]{0,10}\.example", fullmatch=True))
def test_letter_case_is_ignored_in_plain_addresses(text: str) -> None:
    try:
        expected = parse(text).canonical
    except InvalidAddress:
        return
    assert canonical(text.upper()) == canonical(text.title()) == expected == text


@pytest.mark.parametrize("junk", ["\u200b", " ", "a", "\u0301", "é", "@", ".", "\ufb01"])
def test_very_long_text_is_refused_quickly(junk: str) -> None:
    began = monotonic()
    for text in (
        junk * 2_000_000,
        f"{OWNER}{junk * 2_000_000}",
        f"{OWNER}{' ' * 5000}x",
        junk * 900,
        f"a@{junk * 900}",
    ):
        assert canonical(text) != OWNER
    assert monotonic() - began < IN_TIME


def test_invalid_text_is_compared_unchanged() -> None:
    assert canonical(" Root@[192.0.2.1]") == "root@[192.0.2.1]"
