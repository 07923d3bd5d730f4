"""Every text in code is written so that xgettext and Babel find it, with any Python.

Before Python 3.12 the tokenizer sees an f-string as one string, so a call inside it is not found: the text is missing
in the catalogue and stays English. Formats and f-strings as arguments are refused by ruff (INT001 to INT003).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from alertadmin.paths import PROJECT
from tests.i18n.extraction import KEYWORDS


def unextractable(source: str) -> list[int]:
    """Lines with a text that an extractor misses."""
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    inside_f_strings = (call for node in nodes if isinstance(node, ast.JoinedStr) for call in _translations(node))
    computed = (call for call in _translations(tree) if any(isinstance(text, ast.BinOp) for text in call.args))
    return sorted({*(call.lineno for call in (*inside_f_strings, *computed)), *_unknown_names(nodes)})


def _translations(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            if name in KEYWORDS:
                yield node


def _unknown_names(nodes: list[ast.AST]) -> Iterator[int]:
    """Lines that import a function of gettext under a name that no extractor knows."""
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if alias.name in KEYWORDS and (alias.asname or alias.name) not in {alias.name, "_"}:
                    yield node.lineno


def test_every_text_is_where_extractors_look() -> None:
    files = (path for folder in ("alertadmin", "mailer") for path in (PROJECT / folder).rglob("*.py"))
    missed = {path.relative_to(PROJECT).as_posix(): unextractable(path.read_text(encoding="utf-8")) for path in files}
    assert {path: lines for path, lines in missed.items() if lines} == {}


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("_('a')", []),
        ("f'{x}' + _('a')", []),
        ("_('a %(x)s') % {'x': f'{x}'}", []),
        ("_(f(x))", []),
        ("_('a'\n  'b')", []),
        ("f\"{_('a')}\"", [1]),
        ("x = f'''\n{translation.gettext('a')}'''", [2]),
        ("f'{x:{_(\"a\")}}'", [1]),
        ('f\'{f(ngettext("a", "b", 1))}\'', [1]),
        ("_('a' + b)", [1]),
        ("_('a %s' % b)", [1]),
        ("from django.utils.translation import gettext as _", []),
        ("from django.utils.translation import gettext as tr", [1]),
    ],
)
def test_this_very_search_finds_what_extractors_miss(source: str, lines: list[int]) -> None:
    assert unextractable(source) == lines
