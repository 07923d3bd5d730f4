"""Every text for translation in code and templates, found without the gettext tools: by Babel's reader of Python, which
reads what Django makes of a template too."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from babel.messages.extract import extract
from django.utils.translation.template import templatize

from alertadmin.paths import PROJECT

KEYWORDS = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop")),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), ((1, "c"), 2, 3)),
}


@dataclass(frozen=True)
class Text:
    """A text in English: one form, or singular and plural."""

    forms: tuple[str, ...]
    context: str = ""

    @property
    def singular(self) -> Text:
        """What is asked for without a number: a catalogue keeps it together with its plural, if there is one."""
        return Text(self.forms[:1], self.context)


def texts() -> dict[Text, str]:
    """Each text with the file it stands in."""
    found: dict[Text, str] = {}
    for path in sorted([*_files("alertadmin", "*.py"), *_files("mailer", "*.py"), *_files("templates", "*.*")]):
        found |= dict.fromkeys(_texts_of(path), path.relative_to(PROJECT).as_posix())
    return found


def _files(folder: str, pattern: str) -> Iterator[Path]:
    return (PROJECT / folder).rglob(pattern)


def _texts_of(path: Path) -> Iterator[Text]:
    source = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        # One call a line, and no indentation for Python to stumble over.
        source = "\n".join(map(str.strip, templatize(source).splitlines()))
    for _line, message, _comments, context in extract("python", io.BytesIO(source.encode()), KEYWORDS):
        yield Text((message,) if isinstance(message, str) else tuple(message), context or "")
