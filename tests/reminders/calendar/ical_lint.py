"""iCalendar read as octets, by RFC 5545 alone: a second opinion beside the library's own parser."""

from __future__ import annotations

import re

ESCAPED = re.compile(r"\\(.)", re.DOTALL)
LONGEST = 75
"""Octets of a line, its break aside (3.1)."""


def lines(content: bytes) -> list[tuple[str, str]]:
    """Name with parameters, and raw value, of each content line. Raises AssertionError for what RFC 5545 forbids."""
    assert content.endswith(b"\r\n")
    assert content.count(b"\r") == content.count(b"\n") == content.count(b"\r\n")
    folded = content.split(b"\r\n")[:-1]
    assert max(map(len, folded)) <= LONGEST
    for line in folded:
        line.decode()  # folded between characters, never within one
        assert not any((octet < 0x20 and octet != 0x09) or octet == 0x7F for octet in line), line
    whole = b"\r\n".join(folded).replace(b"\r\n ", b"").decode()
    found = []
    for unfolded in whole.split("\r\n"):
        name, colon, value = unfolded.partition(":")
        assert colon, unfolded
        assert re.fullmatch(r"[A-Z-]+(;[A-Z-]+=[^;:\",]+)*", name), name
        found.append((name, value))
    return found


def text(value: str) -> str:
    """What a TEXT value says (3.3.11)."""
    assert re.fullmatch(r"(?:[^\\;,]|\\[\\;,nN])*", value, re.DOTALL), value
    return ESCAPED.sub(lambda match: "\n" if match[1] in "nN" else match[1], value)


def values(content: bytes, name: str) -> list[str]:
    return [value for one, value in lines(content) if one.partition(";")[0] == name]


def components(content: bytes) -> list[str]:
    """The names of its components, in order; each must be closed."""
    opened: list[str] = []
    found = []
    for name, value in lines(content):
        if name == "BEGIN":
            opened.append(value)
            found.append(value)
        elif name == "END":
            assert opened.pop() == value
    assert not opened
    return found
