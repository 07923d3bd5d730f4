"""Free text in a mail header: folded lines and encoded words (RFC 5322, 2.2.3; RFC 2047, 2).

Python's own folding writes encoded words of up to 77 characters, reads "=?utf-8?q?x?=" in a text as an encoded word,
and adds a space before a long word (Python 3.11).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from email.headerregistry import BaseHeader, HeaderRegistry, UnstructuredHeader
from email.policy import Policy
from typing import Any

LONGEST_LINE = 78
"""Characters of a line without encoded words, its end not counted (RFC 5322, 2.1.1)."""
LONGEST_ENCODED_LINE = 76
LONGEST_WORD = 75
"""Characters of an encoded word, with charset, encoding and delimiters (RFC 2047, 2)."""
SHORTEST_FIRST = 24
"""Room for the first word behind the longest name of a header; a name may make that line longer than 76."""
_PLAIN = re.compile(r"[!-~]+(?: [!-~]+)*")
_PLAIN_IN_Q = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!*+-/")


class FreeTextHeader(UnstructuredHeader, BaseHeader):
    """A header of free text for `email.policy`. It is given as text, never already encoded."""

    @classmethod
    def parse(cls, value: str, kwds: dict[str, Any]) -> None:
        kwds["parse_tree"] = cls.value_parser("")
        kwds["decoded"] = value

    def fold(self, *, policy: Policy) -> str:
        lines = folded(str(self), len(self.name) + 2)
        return f"{self.name}: " + f"{policy.linesep} ".join(lines) + policy.linesep


def header_registry(*free_text: str) -> HeaderRegistry:
    """Python's classes of headers, but for those named here, and every name that it does not know."""
    registry = HeaderRegistry(default_class=FreeTextHeader)
    for name in free_text:
        registry.map_to_type(name, FreeTextHeader)
    return registry


def folded(text: str, used: int) -> Iterator[str]:
    """The lines of a header's text, of which the first stands behind `used` characters.

    A reader joins them with a space, or, where they are encoded words, without.
    """
    words = text.split(" ")
    if not text or (
        _PLAIN.fullmatch(text)
        and "=?" not in text
        and all(len(word) < LONGEST_LINE for word in words[1:])
        and len(words[0]) + used <= LONGEST_LINE
    ):
        return _folded_words(words, used)
    return _encoded_words(text, used)


def _folded_words(words: list[str], used: int) -> Iterator[str]:
    line = words[0]
    for word in words[1:]:
        if used + len(line) + 1 + len(word) > LONGEST_LINE:
            yield line
            line, used = word, 1
        else:
            line = f"{line} {word}"
    yield line


def _encoded_words(text: str, used: int) -> Iterator[str]:
    """Each holds whole characters, so that it can be read without its neighbours (RFC 2047, 5)."""
    quoted = sum(map(len, map(_quoted, text))) <= _base64_length(text)
    prefix, encode = ("=?utf-8?q?", _quote) if quoted else ("=?utf-8?b?", _base64)
    length: Callable[[str], int] = (lambda part: len(_quote(part))) if quoted else _base64_length
    room = max(LONGEST_ENCODED_LINE - used, SHORTEST_FIRST) - len(prefix) - 2
    part = ""
    for character in text:
        if part and length(part + character) > room:
            yield f"{prefix}{encode(part)}?="
            part, room = "", LONGEST_WORD - len(prefix) - 2
        part += character
    yield f"{prefix}{encode(part)}?="


def _quoted(character: str) -> str:
    if character == " ":
        return "_"
    return "".join(chr(byte) if byte in _PLAIN_IN_Q else f"={byte:02X}" for byte in character.encode())


def _quote(text: str) -> str:
    return "".join(map(_quoted, text))


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")


def _base64_length(text: str) -> int:
    return -(-len(text.encode()) // 3) * 4
