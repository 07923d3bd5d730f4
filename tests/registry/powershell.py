"""Parses scripts with a grammar of PowerShell (tree-sitter)."""

from __future__ import annotations

from collections.abc import Iterator

import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

from alertadmin.registry.scripts.snippets import QUOTES

_PARSER = Parser(Language(tree_sitter_powershell.language()))
_ONE_QUOTE = dict.fromkeys(map(ord, QUOTES), "'")
"""To PowerShell a typographic quote is a quote; to this grammar it is a letter like any other."""


def plainly_quoted(text: str) -> str:
    return text.translate(_ONE_QUOTE)


def parsed(script: str) -> Node:
    return _PARSER.parse(plainly_quoted(script).encode()).root_node


def nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from nodes(child)


def errors(script: str) -> list[str]:
    """Where the grammar had to skip something, or to imagine it."""
    return [f"line {one.start_point.row + 1}: {one}" for one in nodes(parsed(script)) if one.is_error or one.is_missing]


def shape(script: str) -> list[str]:
    """All that a script is made of, but for what its strings say."""
    return [one.type for one in nodes(parsed(script))]


def strings(script: str) -> list[str]:
    """What its single-quoted strings say."""
    found = (
        one.text.decode() for one in nodes(parsed(script)) if one.type == "verbatim_string_characters" and one.text
    )
    return [one[1:-1].replace("''", "'") for one in found]
