"""No text is translated while a module is imported: it would stay in the language of the first import."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from alertadmin.paths import PROJECT

AT_ONCE = {"gettext", "ngettext", "pgettext", "npgettext"}
LAZY_BODIES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
FILES = sorted((PROJECT / "alertadmin").rglob("*.py"))


def frozen(source: str) -> list[int]:
    """Lines on which a text is translated by the import itself."""
    tree = ast.parse(source)
    eager = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for alias in node.names
        if alias.name in AT_ONCE
    }
    return [
        node.lineno
        for node in _at_import(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in eager
    ]


def _at_import(node: ast.AST) -> Iterator[ast.AST]:
    """What runs when the module is imported: of a function its decorators and defaults alone."""
    if isinstance(node, LAZY_BODIES):
        decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
        children: list[ast.AST] = [*decorators, *node.args.defaults, *filter(None, node.args.kw_defaults)]
    else:
        children = list(ast.iter_child_nodes(node))
    for child in children:
        yield child
        yield from _at_import(child)


@pytest.mark.parametrize("path", FILES, ids=[path.relative_to(PROJECT).as_posix() for path in FILES])
def test_no_text_is_translated_by_an_import(path: Path) -> None:
    assert frozen(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("X = _('a')", [2]),
        ("class A:\n    x = [_('a')]", [3]),
        ("def f(x=_('a')): pass", [2]),
        ("@d(_('a'))\ndef f(): pass", [2]),
        ("def f(): return _('a')", []),
        ("X = lambda: _('a')", []),
    ],
)
def test_this_very_search_finds_what_an_import_translates(source: str, lines: list[int]) -> None:
    assert frozen(f"from django.utils.translation import gettext as _\n{source}") == lines
