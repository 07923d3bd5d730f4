"""What no line may hold: secrets, tokens in paths, the local part of a mail address, characters that are not shown."""

from __future__ import annotations

import re

from mailer.secret_shapes import SECRETS

TOKENS = re.compile(
    r"(/calendar/)[^/\s]+?(\.ics)|(/first-administrator/|/invitation/|/new-password/|/prove-address/|/secret/)[^/\s]+"
)
"""Paths that are secrets: who has one needs nothing else."""
ADDRESS = re.compile(r"[^\s@<>\"'`(){},;:=/\\|\[\]]{1,64}@((?:[\w-]{1,63}\.)+[\w-]{1,63})")
PASSWORD_IN_URL = re.compile(r"(://[^/\s:@]{0,64}:)[^/\s@]{1,256}@")


def redact(text: str) -> str:
    """Without what is listed above. Of `ada@example.com` the domain stays."""
    if "/" in text:
        text = TOKENS.sub(r"\1\3…\2", text)
    text = SECRETS.sub("[hidden]", text)
    if "@" in text:
        text = ADDRESS.sub(r"…@\1", PASSWORD_IN_URL.sub(r"\1…@", text))
    return text


def escape(text: str) -> str:
    """Printable characters alone: no line break, terminal command or change of direction can be written into a line."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)
