"""The name of this process, and the id of the HTTP request that caused the current work."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextvars import ContextVar, Token

_request_id: ContextVar[str] = ContextVar("request_id", default="")
_process_name: dict[str, str] = {}


def request_id() -> str:
    """Return the id of the current request, or of the one that caused the running task; empty without one."""
    return _request_id.get()


def set_request_id(value: str) -> Token[str]:
    return _request_id.set(value)


def reset_request_id(token: Token[str]) -> None:
    _request_id.reset(token)


def set_process_name(name: str) -> None:
    """Set the name of this process and of those it forks."""
    _process_name["name"] = name


def process_name() -> str:
    """Return `web`, `worker`, `clock` (beat), `up`, or the name of the management command."""
    return _process_name.get("name") or name_from(sys.argv)


def is_command() -> bool:
    """Return whether this is a management command that ends by itself (not `up`)."""
    program, *rest = sys.argv or [""]
    return _is_manage(program) and rest[:1] != ["up"]


def _is_manage(program: str) -> bool:
    """Return whether it is `manage.py`, the command `alertadmin` of an installed wheel, or `python -m alertadmin`."""
    folder, name = os.path.split(program)
    return name in ("manage.py", "alertadmin") or (name, os.path.basename(folder)) == ("__main__.py", "alertadmin")


def name_from(argv: Sequence[str]) -> str:
    program = os.path.basename(argv[0]) if argv else ""
    if argv and (_is_manage(argv[0]) or program == "django-admin") and len(argv) > 1:
        return argv[1] if argv[1].isascii() and argv[1].isidentifier() else "manage"
    if argv and "granian" in argv[0]:
        return "web"
    if program == "__main__.py":  # of `python -m`
        program = os.path.basename(os.path.dirname(argv[0]))
    return program.removesuffix(".py") or "python"
