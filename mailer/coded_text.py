"""Texts of ours that rows store: a code and its parameters, worded when they are shown, in the reader's language.

    BUSY = define("outbox.busy", gettext_noop("The mailbox sends at most 30 messages a minute: it waits."))
    LOST = define("outbox.lost", gettext_noop("The worker was lost: %(error)s."))
    delivery.reason = LOST % {"error": "MemoryError"}   # {"code": "outbox.lost", "params": {"error": "MemoryError"}}

A server's own words stand in the same columns as they came; `wire_errors.sanitize` lets none of them look like a code.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

START = '{"code": "'
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")
_templates: dict[str, str] = {}


class CodedText(str):
    """The JSON that is stored, as a str, so that every column of text and of JSON takes it; and what it says."""

    __slots__ = ("code", "params")

    code: str
    params: dict[str, str]

    def __new__(cls, code: str, params: Mapping[str, object] | None = None) -> CodedText:
        filled = {name: str(value) for name, value in sorted((params or {}).items())}
        stored = {"code": code, "params": filled} if filled else {"code": code}
        text = super().__new__(cls, json.dumps(stored, ensure_ascii=False))
        text.code, text.params = code, filled
        return text

    @property
    def template(self) -> str:
        """In English, with `%(name)s` for each parameter."""
        return _templates[self.code]

    @property
    def english(self) -> str:
        return self.template % self.params if self.params else self.template

    def __mod__(self, params: object) -> CodedText:
        """The same code with its parameters. Raises KeyError if one is missing."""
        if not isinstance(params, Mapping):
            raise TypeError("The parameters of a coded text are a mapping.")
        return CodedText(self.code, {name: params[name] for name in _PLACEHOLDER.findall(self.template)})

    def __reduce__(self) -> tuple[type[CodedText], tuple[str, dict[str, str]]]:
        return CodedText, (self.code, self.params)


def define(code: str, template: str) -> CodedText:
    """Declares a text once, for a constant of a `messages` module. Raises ValueError if the code is taken."""
    if _templates.setdefault(code, template) != template:
        raise ValueError(f"The code {code} is taken.")
    return CodedText(code)


def defined() -> Iterator[CodedText]:
    """Every text that was declared, without parameters."""
    return map(CodedText, list(_templates))


def parse(text: str) -> CodedText | None:
    """The coded text that a column holds; None if it holds other words, or a code that this version does not know."""
    if isinstance(text, CodedText):
        return text
    return _parsed(text) if text.startswith(START) else None


@lru_cache(maxsize=1024)
def _parsed(text: str) -> CodedText | None:
    try:
        stored = json.loads(text)
        found = CodedText(stored["code"], stored.get("params"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    known = found.code in _templates and set(_PLACEHOLDER.findall(found.template)) == set(found.params)
    return found if known else None


def english(text: str) -> str:
    """For logs and programs. Words that are not ours stay as they are."""
    found = parse(text)
    return text if found is None else found.english


class CodedError(Exception):
    """An error whose message may be stored and is shown in the reader's language; `str` is in English, for logs."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return english(self.message)


def message_of(error: BaseException) -> str:
    """What a row or a command keeps of an error: its coded text if it has one, else its words."""
    return error.message if isinstance(error, CodedError) else str(error)


def is_coded(text: str, as_what: CodedText) -> bool:
    """Whether a stored text has the code, with any parameters."""
    found = parse(text)
    return found is not None and found.code == as_what.code
