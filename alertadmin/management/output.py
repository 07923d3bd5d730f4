"""Input and output of commands that tolerate any bytes: arguments, standard input, JSON."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Mapping
from typing import Any, BinaryIO, NoReturn

from django.core.management.base import CommandParser

from mailer.coded_text import english


def as_json(data: dict[str, Any]) -> str:
    """Return one line of ASCII, which every terminal's encoding can print, with coded texts in English."""
    return json.dumps(_in_english(data), default=str)


def _in_english(value: Any) -> Any:
    if isinstance(value, str):
        return english(value)
    if isinstance(value, Mapping):
        return {name: _in_english(one) for name, one in value.items()}
    return [_in_english(one) for one in value] if isinstance(value, list | tuple) else value


def readable(text: str) -> str:
    """Return an argument with its bytes that are not UTF-8 replaced: neither databases nor JSON accept them."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def standard_input() -> BinaryIO:
    """Return standard input as a binary stream; an empty one if the process was started without it."""
    return sys.stdin.buffer if sys.stdin else io.BytesIO()


def refuse_usage_as_json(parser: CommandParser) -> None:
    """Print errors of the arguments as JSON too if --json was given."""
    original_error = parser.error

    def error(message: str) -> NoReturn:
        if "--json" in sys.argv:
            print(as_json({"ok": False, "error": message}), flush=True)  # noqa: T201
        original_error(message)
        raise SystemExit(2)

    parser.error = error  # type: ignore[method-assign]
