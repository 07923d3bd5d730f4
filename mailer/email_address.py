"""What an e-mail address is, which mailbox it stands for, and how it is written on the wire. Pure.

Two addresses stand for one mailbox exactly if their canonical forms are equal, compared character by character. The
whole address is brought into NFKC and mapped by UTS 46 (non-transitional): compatibility forms and letter case go, and
ß and ς stay what they are, in the part before the @ as in the domain. So no two mailboxes that a mail server tells
apart share a form, but for letter case before the @, which no server in use tells apart. The table comes from the
`idna` package and refuses code points that it does not know: what is canonical today stays so, on every Python and in
every database.

Sources: UTS 46, 4; RFC 5890 to 5893 (IDNA 2008); RFC 5321, 4.5.3.1 (lengths); RFC 5322, 3.2.3 (dot-atom); RFC 6531.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import idna

LONGEST_LOCAL_PART = 64
LONGEST = 254
"""Octets on the wire: a path of 256 without its angle brackets (RFC 5321, 4.5.3.1.3, erratum 1690)."""
_LONGEST_TYPED = 1000
"""Characters; longer text is not looked at."""
_NOT_SHOWN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"
"""Zero-width, and part of correct Persian and Hindi domains; IDNA 2008 says where they may stand."""
_ATEXT = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+/=?^_`{|}~-")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


class Flaw(StrEnum):
    """Why a text is no address."""

    FORM = "form"
    """Not one plain address: none at all, several, one with a name, with quotes, with "mailto:"."""
    HIDDEN = "hidden"
    """A character that is not shown stands in it."""
    LOCAL_PART = "local_part"
    DOMAIN = "domain"
    TOO_LONG = "too_long"


class InvalidAddress(ValueError):
    """`character` is the one that is to blame, of a HIDDEN flaw."""

    def __init__(self, flaw: Flaw, character: str = "") -> None:
        super().__init__(f"Not an e-mail address ({flaw}).")
        self.flaw, self.character = flaw, character


@dataclass(frozen=True, slots=True)
class EmailAddress:
    stored: str
    """To be kept, shown and mailed to: the local part's letter case as typed, the domain in Unicode."""
    canonical: str
    """To be compared. Never mailed to instead of what is stored, where both are known."""
    wire: str
    """The domain as A-labels of IDNA 2008. Not ASCII only if the local part is not (RFC 6531)."""


@lru_cache(maxsize=4096)  # of addresses alone: what raises, such as a password in the wrong field, is not kept
def parse(text: str) -> EmailAddress:
    """Takes off what is not shown around it, and reads fullwidth and other compatibility forms. Raises InvalidAddress.

    Refused: everything but a dot-atom and a domain name, so quoted local parts, IP addresses, a trailing dot, names,
    "mailto:" and whatever is not shown inside.
    """
    if len(text) > _LONGEST_TYPED:
        raise InvalidAddress(Flaw.TOO_LONG)
    bare = strip_invisible(text)
    _check_shown(bare)
    bare = unicodedata.normalize("NFKC", bare)
    _check_shown(bare)  # an accent that stands alone becomes a space with a mark
    mapped = _map(bare)
    local, at, domain = mapped.rpartition("@")
    if not at or not local or "@" in local:
        raise InvalidAddress(Flaw.FORM)
    if not _is_dot_atom(local):
        raise InvalidAddress(Flaw.FORM if re.search(r'[<>":;,()\[\]\\]', local) else Flaw.LOCAL_PART)
    if len(domain) > LONGEST:
        raise InvalidAddress(Flaw.TOO_LONG)
    ascii_domain, domain = _domain(domain)
    shown = bare.rpartition("@")[0]
    if not _is_dot_atom(shown):
        shown = local
    if max(len(local.encode()), len(shown.encode())) > LONGEST_LOCAL_PART:
        raise InvalidAddress(Flaw.TOO_LONG)
    address = EmailAddress(f"{shown}@{domain}", f"{local}@{domain}", f"{shown}@{ascii_domain}")
    if len(address.wire.encode()) > LONGEST or len(address.canonical) > LONGEST:
        raise InvalidAddress(Flaw.TOO_LONG)
    return address


def canonical(text: str) -> str:
    """The canonical form; of what is no address, which earlier releases may have stored, its text in lower case, which
    every database takes: without zeros and halves of surrogate pairs."""
    try:
        return parse(text).canonical
    except InvalidAddress:
        if len(text) > _LONGEST_TYPED:
            text = f"{text[:_LONGEST_TYPED]}…"  # which ends no address
        return _UNSTORABLE.sub("\ufffd", strip_invisible(text).lower())


def is_same(one: str, other: str) -> bool:
    """Whether both stand for one mailbox."""
    return canonical(one) == canonical(other)


def ascii_host(name: str) -> str:
    """A host's name as A-labels of IDNA 2008, for DNS and TLS. What is none, such as an IP address, stays as it is."""
    if name.isascii():
        return name
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError:
        return name


def strip_invisible(text: str) -> str:
    """Without white space, zero-width characters, direction marks and controls at both ends."""
    start, end = 0, len(text)
    while start < end and not _is_shown(text[start]):
        start += 1
    while end > start and not _is_shown(text[end - 1]):
        end -= 1
    return text[start:end]


def _is_shown(character: str) -> bool:
    """The mapping drops the variation selectors and fillers, which count as marks and letters."""
    if character.isascii():
        return "!" <= character <= "~"
    if unicodedata.category(character) in _NOT_SHOWN:
        return False
    try:
        return bool(idna.uts46_remap(character, std3_rules=False))
    except idna.IDNAError:
        return True


def _check_shown(bare: str) -> None:
    for character in bare:
        if not _is_shown(character) and character not in _JOINERS:
            is_space = character.isspace() and unicodedata.category(character) in ("Zs", "Cc")
            raise InvalidAddress(Flaw.FORM) if is_space else InvalidAddress(Flaw.HIDDEN, character)


def _map(text: str) -> str:
    try:
        mapped = idna.uts46_remap(text, std3_rules=False)
        is_stable = idna.uts46_remap(mapped, std3_rules=False) == mapped
    except idna.IDNAError:
        raise InvalidAddress(Flaw.FORM) from None
    if not is_stable:
        raise InvalidAddress(Flaw.FORM)
    return mapped


def _is_dot_atom(local: str) -> bool:
    """Letters, marks and digits of any script beside ASCII's signs; no atom begins with a mark."""
    return all(
        atom
        and unicodedata.category(atom[0])[0] != "M"
        and all(c in _ATEXT if c.isascii() else unicodedata.category(c)[0] in "LMN" for c in atom)
        for atom in local.split(".")
    )


def _domain(mapped: str) -> tuple[str, str]:
    """A-labels and U-labels of a mapped domain."""
    last = mapped.rpartition(".")[2]
    if not last or _NUMBER.fullmatch(last) or (last == mapped and mapped != "localhost"):
        raise InvalidAddress(Flaw.DOMAIN)  # a trailing dot, an IP address, a machine's bare name
    try:
        ascii_domain = idna.encode(mapped, strict=True).decode("ascii")
        return ascii_domain, idna.decode(ascii_domain, strict=True)
    except idna.IDNAError:
        raise InvalidAddress(Flaw.DOMAIN) from None
