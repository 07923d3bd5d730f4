"""Validation of e-mail addresses, their canonical form for comparison, and their form in SMTP. Pure functions.

Two addresses denote the same mailbox exactly if their canonical forms are equal, compared character by character. The
whole address is normalized to NFKC and mapped by UTS 46 (non-transitional): this removes compatibility forms and letter
case and keeps ß and ς, in the local part as in the domain. So two mailboxes that a mail server distinguishes have
different forms, except for letter case in the local part, which no server in use distinguishes. The mapping table comes
from the `idna` package and refuses unknown code points: a canonical form never changes, with any version of Python and
in any database.

Sources: UTS 46, 4; RFC 5890 to 5893 (IDNA 2008); RFC 5321, 4.5.3.1 (lengths); RFC 5322, 3.2.3 (dot-atom); RFC 6531.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import idna

MAX_LOCAL_PART = 64
MAX_LENGTH = 254
"""Octets in SMTP: a path of 256 without its angle brackets (RFC 5321, 4.5.3.1.3, erratum 1690)."""
MAX_INPUT = 1000
"""Characters; longer text is refused without parsing."""
_NOT_SHOWN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"
"""Zero-width, and part of correct Persian and Hindi domains; IDNA 2008 says where they are allowed."""
_ATEXT = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+/=?^_`{|}~-")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


class Flaw(StrEnum):
    """Why a text is not an address."""

    FORM = "form"
    """Not a single plain address: none, one with a name, with quotes, with "mailto:"."""
    SEVERAL = "several"
    """Found by `pasted_address` only."""
    NOT_SMTP = "not_smtp"
    """Another kind of address of Exchange, such as X500:. Found by `pasted_address` only."""
    GUEST = "guest"
    """The sign-in name that Entra gives a guest, `ada_example.com#EXT#@…`. Found by `pasted_address` only."""
    HIDDEN = "hidden"
    """It contains an invisible character."""
    LOCAL_PART = "local_part"
    DOMAIN = "domain"
    TOO_LONG = "too_long"


class InvalidAddress(ValueError):
    """`character` is the invisible one, for a HIDDEN flaw."""

    def __init__(self, flaw: Flaw, character: str = "") -> None:
        super().__init__(f"Not an e-mail address ({flaw}).")
        self.flaw, self.character = flaw, character


@dataclass(frozen=True, slots=True)
class EmailAddress:
    stored: str
    """To store, show and send to: the local part's letter case as entered, the domain in Unicode."""
    canonical: str
    """To compare. Mail is sent to the stored form instead."""
    wire: str
    """For SMTP: the domain as A-labels of IDNA 2008. Not ASCII only if the local part is not (RFC 6531)."""


@lru_cache(maxsize=4096)  # addresses only: text that raises, such as a password in the wrong field, is not cached
def parse(text: str) -> EmailAddress:
    """Parse an address, ignoring invisible characters around it and accepting fullwidth and other compatibility forms.

    Raises InvalidAddress for all but a dot-atom and a domain name: also for quoted local parts, IP addresses, a
    trailing dot, names, "mailto:" and invisible characters inside.
    """
    if len(text) > MAX_INPUT:
        raise InvalidAddress(Flaw.TOO_LONG)
    bare = strip_invisible(text)
    _check_shown(bare)
    bare = unicodedata.normalize("NFKC", bare)
    _check_shown(bare)  # again, since NFKC turns an isolated accent into a space with a mark
    mapped = _map(bare)
    local, at, domain = mapped.rpartition("@")
    if not at or not local or "@" in local:
        raise InvalidAddress(Flaw.FORM)
    if not _is_dot_atom(local):
        raise InvalidAddress(Flaw.FORM if re.search(r'[<>":;,()\[\]\\]', local) else Flaw.LOCAL_PART)
    if len(domain) > MAX_LENGTH:
        raise InvalidAddress(Flaw.TOO_LONG)
    ascii_domain, domain = _domain(domain)
    shown = bare.rpartition("@")[0]
    if not _is_dot_atom(shown):
        shown = local
    if max(len(local.encode()), len(shown.encode())) > MAX_LOCAL_PART:
        raise InvalidAddress(Flaw.TOO_LONG)
    address = EmailAddress(f"{shown}@{domain}", f"{local}@{domain}", f"{shown}@{ascii_domain}")
    if len(address.wire.encode()) > MAX_LENGTH or len(address.canonical) > MAX_LENGTH:
        raise InvalidAddress(Flaw.TOO_LONG)
    return address


def canonical(text: str) -> str:
    """The canonical form. For text that is not an address, which earlier releases may have stored: the text in lower
    case, without null characters and lone surrogates, which databases refuse."""
    try:
        return parse(text).canonical
    except InvalidAddress:
        if len(text) > MAX_INPUT:
            text = f"{text[:MAX_INPUT]}…"  # no address ends like this
        return _UNSTORABLE.sub("\ufffd", strip_invisible(text).lower())


def is_same(one: str, other: str) -> bool:
    """Whether both addresses denote the same mailbox."""
    return canonical(one) == canonical(other)


def ascii_host(name: str) -> str:
    """A host name as A-labels of IDNA 2008, for DNS and TLS. Other text, such as an IP address, is returned
    unchanged."""
    if name.isascii():
        return name
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError:
        return name


def strip_invisible(text: str) -> str:
    """The text without white space, zero-width characters, direction marks and controls at both ends."""
    start, end = 0, len(text)
    while start < end and not _is_shown(text[start]):
        start += 1
    while end > start and not _is_shown(text[end - 1]):
        end -= 1
    return text[start:end]


def _is_shown(character: str) -> bool:
    """Whether a character is visible. Characters that UTS 46 maps to nothing (variation selectors, fillers) are not."""
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
    """Whether it consists of letters, marks and digits of any script and ASCII's atext; no atom begins with a mark."""
    return all(
        atom
        and unicodedata.category(atom[0])[0] != "M"
        and all(c in _ATEXT if c.isascii() else unicodedata.category(c)[0] in "LMN" for c in atom)
        for atom in local.split(".")
    )


def _domain(mapped: str) -> tuple[str, str]:
    """The A-labels and U-labels of a mapped domain. Raises InvalidAddress."""
    last = mapped.rpartition(".")[2]
    if not last or _NUMBER.fullmatch(last) or (last == mapped and mapped != "localhost"):
        raise InvalidAddress(Flaw.DOMAIN)  # a trailing dot, an IP address, a host name without a domain
    try:
        ascii_domain = idna.encode(mapped, strict=True).decode("ascii")
        return ascii_domain, idna.decode(ascii_domain, strict=True)
    except idna.IDNAError:
        raise InvalidAddress(Flaw.DOMAIN) from None
