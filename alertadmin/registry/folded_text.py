"""Text search without regard to case and accents, with the same result on SQLite and PostgreSQL.

SQLite's LIKE ignores the case of ASCII letters only, PostgreSQL's UPPER depends on the locale of the database, and
`unaccent` is an extension that an operator may not be allowed to install. So both compute `fold` from one table: SQLite
by calling it, PostgreSQL by `normalize` and `translate` (PostgreSQL 13 or newer, in a UTF-8 database).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import CharField, Lookup, TextField

SQLITE_FUNCTION = "alertadmin_fold"
LOOKUP = "folded_contains"
_LETTERS = ((0x80, 0x590), (0x1E00, 0x2000), (0x2C60, 0x2C80), (0xA640, 0xA800))
"""Latin, Greek, Cyrillic and Armenian letters outside ASCII."""
_MARKS = "\u0300-\u036f\u0591-\u05bd\u064b-\u065f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_INVISIBLE = "\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
_REMOVED = f"[{_MARKS}{_INVISIBLE}]"
_ALIKE = {
    "øǿ": "o", "đð": "d", "ħ": "h", "ı": "i", "ł": "l", "ŧ": "t", "ŋ": "n", "ĸ": "k", "ς": "σ",
    "‘’‚‛′`´ʼ": "'", "“”„‟«»": '"', "‐‑‒–—―−": "-",
}  # fmt: skip
"""Characters that NFKD leaves, and what users type in their place."""
_ASCII = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_SEVERAL = {"ß": "ss", "æ": "ae", "œ": "oe", "þ": "th"}


def fold(text: str) -> str:
    """The text in lower case, without accents, ligatures and invisible characters; with plain quotes and hyphens."""
    if text.isascii():
        return text.lower().replace("`", "'")
    text = re.sub(_REMOVED, "", unicodedata.normalize("NFKD", text)).translate(_ASCII).translate(_table())
    for character, letters in _SEVERAL.items():
        text = text.replace(character, letters)
    return text


@cache
def _table() -> dict[int, str]:
    found: dict[int, str] = {}
    for first, beyond in _LETTERS:
        for letter in map(chr, range(first, beyond)):
            small = letter.lower()
            if small != letter and len(small) == 1 and unicodedata.normalize("NFKD", letter) == letter:
                found[ord(letter)] = small
    for characters, plain in _ALIKE.items():
        found.update({ord(character): plain for character in characters + characters.upper() if len(character) == 1})
    return found | {ord("ẞ"): "ß"}


@cache
def _translation() -> tuple[str, str]:
    """The characters for PostgreSQL's `translate`, and their counterparts; those without one are removed.

    It looks for each character from the first on, so the common ones, which stay, come first: a third of the time.
    """
    stay = "etaoinsrhldcumfpgwybvkxjqz 0123456789.-'"
    table = {ord(character): character for character in stay} | _table()
    return "".join(map(chr, table)) + "".join(_removed()), "".join(table.values())


def _removed() -> Iterator[str]:
    for first, last in re.findall(r"(.)(?:-(.))?", _MARKS + _INVISIBLE):
        yield from map(chr, range(ord(first), ord(last or first) + 1))


class FoldedContains(Lookup):
    """`name__folded_contains="ecole"` finds "École". The work for a text in ASCII is done by the database alone."""

    lookup_name = LOOKUP

    def get_prep_lookup(self) -> str:
        return fold(str(self.rhs))

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        column, values = self.process_lhs(compiler, connection)
        term = str(self.rhs)
        sql = f"CASE WHEN {column} GLOB %s OR instr({column}, '`') THEN instr({SQLITE_FUNCTION}({column}), %s) > 0 "
        parameters = [*values, "*[^ -~]*", *values, *values, term]
        if not term.isascii():
            return sql + "ELSE 0 END", parameters
        like = f"%{connection.ops.prep_for_like_query(term)}%"
        return sql + f"ELSE {column} LIKE %s ESCAPE '\\' END", [*parameters, *values, like]

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        column, values = self.process_lhs(compiler, connection)
        folded = f'translate(lower(normalize({column}, NFKD) COLLATE "C"), %s, %s)'
        parameters: list[Any] = [*values, *_translation()]
        for character, letters in _SEVERAL.items():
            folded = f"replace({folded}, %s, %s)"
            parameters += [character, letters]
        sql = (
            f"CASE WHEN octet_length({column}) = char_length({column}) "
            f"THEN strpos(replace(lower({column} COLLATE \"C\"), '`', ''''), %s) > 0 ELSE strpos({folded}, %s) > 0 END"
        )
        return sql, [*values, *values, *values, self.rhs, *parameters, self.rhs]


def register_lookup() -> None:
    for field in (CharField, TextField):
        field.register_lookup(FoldedContains)


def register_function(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """A receiver of `connection_created`."""
    if connection.vendor == "sqlite":
        connection.connection.create_function(SQLITE_FUNCTION, 1, _fold_or_null, deterministic=True)


def _fold_or_null(text: str | None) -> str | None:
    return None if text is None else fold(str(text))
