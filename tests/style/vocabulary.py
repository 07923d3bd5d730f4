"""The rules of names and words that a program can check (CONTRIBUTING.md, "Names and words").

As a program, `python -m tests.style.vocabulary [PATH...]` prints every place that breaks one, as `file:line: why`.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

PROJECT = Path(__file__).parents[2]
TEXT = {".py", ".html", ".txt", ".md", ".js", ".css", ".toml", ".po", ".sh", ""}
PRODUCT = ("alertadmin/", "mailer/", "sandbox/", "benchmarks/")
NOT_USED = re.compile(r"\b(nobody|somebody|whoever|whatever|whom|whence)\b", re.IGNORECASE)
NOUNS = {"keyring", "throttling", "routing", "matching", "provisioning", "batching", "timing", "heartbeat_ping"}
"""Modules that end in -ing and are nouns of the field."""
STORED = "# a stored value"
"""A line with this comment holds a word that cookies or rows have."""
INTERFACE = ("mailer/diagnosis/causes.py", "alertadmin/dashboard/ui/badges.py")
"""They hold a value of `diagnose --json` that programs compare."""
LONGEST = 350
"""Lines of a file of ours."""
SAME_NAME = {"Command", "Migration"}
"""Django finds these by their name."""
EXEMPT = (
    "tests/style/",
    "tests/i18n/test_vocabulary.py",
    "docs/glossary.md",
    "docs/labels.md",
    "CHANGELOG.md",
    "LICENSE",
    "tests/mailer/diagnosis/texts/",
)


def tracked(paths: Sequence[str] = ()) -> list[str]:
    """Of the project's files, those under the paths, relative to it."""
    listed = subprocess.run(
        ["git", "ls-files", "--", *paths], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return [name for name in listed if (PROJECT / name).is_file() and not name.startswith(EXEMPT)]


def words(names: Sequence[str]) -> Iterator[str]:
    """Words that no comment, text or name uses: they hide which part of the program acts."""
    for name in names:
        if Path(name).suffix not in TEXT or "/migrations/" in name:
            continue
        if name in INTERFACE:
            continue
        for number, line in enumerate((PROJECT / name).read_text("utf-8").splitlines(), 1):
            for found in () if STORED in line else NOT_USED.finditer(line):
                yield f"{name}:{number}: {found.group().lower()}"


def modules(names: Sequence[str]) -> Iterator[str]:
    """A module is a noun of the field, no bare gerund."""
    for name in names:
        stem = Path(name).stem
        if name.startswith(PRODUCT) and name.endswith("ing.py") and stem not in NOUNS:
            yield f"{name}:1: a module named by a gerund"


def lengths(names: Sequence[str]) -> Iterator[str]:
    """No file of Python is longer than a person reads at once."""
    for name in names:
        if name.endswith(".py") and "/migrations/" not in name:
            count = len((PROJECT / name).read_text("utf-8").splitlines())
            if count > LONGEST:
                yield f"{name}:{LONGEST}: {count} lines"


def classes(names: Sequence[str]) -> Iterator[str]:
    """A public class has a name of its own in the whole program."""
    places: dict[str, list[str]] = defaultdict(list)
    for name in names:
        if name.startswith(PRODUCT) and name.endswith(".py") and "/migrations/" not in name:
            for node in ast.parse((PROJECT / name).read_text("utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and node.name not in SAME_NAME:
                    places[node.name].append(f"{name}:{node.lineno}")
    for name, found in places.items():
        if len(found) > 1:
            yield f"{found[0]}: {name} is also the name of {', '.join(found[1:])}"


RULES = {rule.__name__: rule for rule in (words, modules, lengths, classes)}


if __name__ == "__main__":
    broken = [line for rule in RULES.values() for line in rule(tracked(sys.argv[1:]))]
    sys.stdout.write("\n".join([*broken, f"{len(broken)} places\n"]))
    sys.exit(bool(broken))
