"""The controls of controls.toml and what verifies each: tests marked with its number, or an argument in
docs/security.md."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
TESTS = PROJECT / "tests"
DOCUMENT = PROJECT / "docs" / "security.md"
ARGUED = re.compile(r"^- (\d+)\. [^:]+: argued because (.+?)(?=^- |^$|\Z)", re.MULTILINE | re.DOTALL)


@dataclass
class Control:
    number: int
    title: str
    statement: str
    tests: list[str] = field(default_factory=list)
    """As pytest calls them, such as tests/supervisor/test_run.py::test_…; each once, however many cases it has."""
    argument: str = ""


@cache
def read() -> dict[int, Control]:
    """All of them by their number; a mark or an argument with a number that there is not is a KeyError."""
    table = tomllib.loads((TESTS / "security" / "controls.toml").read_text(encoding="utf-8"))["controls"]
    controls = {int(number): Control(int(number), *texts) for number, texts in table.items()}
    for test, number in marked():
        controls[number].tests.append(test)
    for number, argument in ARGUED.findall(DOCUMENT.read_text(encoding="utf-8")):
        controls[int(number)].argument = " ".join(argument.split())
    return controls


def marked(tests: Path = TESTS) -> Iterator[tuple[str, int]]:
    """Each test with each number it is marked with. Read from the sources, which is quicker than to import them all."""
    for path in sorted(tests.rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if "control(" not in text:
            continue
        module = ast.parse(text)
        name = path.relative_to(tests.parent).as_posix()
        whole = [number for node in module.body if _is_pytestmark(node) for number in _numbers(node)]
        for test, numbers in _tests(module.body):
            for number in sorted({*whole, *numbers}):
                yield f"{name}::{test}", number


def _tests(body: list[ast.stmt], above: str = "", inherited: tuple[int, ...] = ()) -> Iterator[tuple[str, list[int]]]:
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            numbers = [*inherited, *(number for mark in node.decorator_list for number in _numbers(mark))]
            if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
                yield from _tests(node.body, f"{above}{node.name}::", tuple(numbers))
            elif node.name.startswith("test_"):
                yield f"{above}{node.name}", numbers


def _is_pytestmark(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"


def _numbers(node: ast.AST) -> list[int]:
    """The numbers of every `pytest.mark.control(…)` within."""
    return [
        ast.literal_eval(number)
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.mark.control"
        for number in call.args
    ]
