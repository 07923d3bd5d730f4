"""What a command is told and what it answers, whatever the bytes: for people, and (with --json) for programs."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Mapping
from typing import Any, BinaryIO, NoReturn

from django.core.management.base import CommandParser

from mailer.coded_text import english


def as_json(data: dict[str, Any]) -> str:
    """One line of ASCII, so that no terminal's encoding can refuse a letter of it; coded texts in English."""
    return json.dumps(_in_english(data), default=str)


def _in_english(value: Any) -> Any:
    if isinstance(value, str):
        return english(value)
    if isinstance(value, Mapping):
        return {name: _in_english(one) for name, one in value.items()}
    return [_in_english(one) for one in value] if isinstance(value, list | tuple) else value


def readable(text: str) -> str:
    """An argument, its bytes that are no UTF-8 replaced: neither databases nor JSON take them."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def standard_input() -> BinaryIO:
    """Its bytes; an empty file where a process was started without."""
    return sys.stdin.buffer if sys.stdin else io.BytesIO()


def refuse_usage_as_json(parser: CommandParser) -> None:
    """A program that asked for JSON is told of a wrong argument in JSON too."""
    told = parser.error

    def error(message: str) -> NoReturn:
        if "--json" in sys.argv:
            print(as_json({"ok": False, "error": message}), flush=True)  # noqa: T201
        told(message)
        raise SystemExit(2)

    parser.error = error  # type: ignore[method-assign]
