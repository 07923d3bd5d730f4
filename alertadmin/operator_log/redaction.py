"""Remove from log lines: passwords, tokens in paths, the local part of mail addresses, unprintable characters."""

from __future__ import annotations

import re

from mailer.secret_shapes import SECRETS

TOKENS = re.compile(
    r"(/calendar/)[^/\s]+?(\.ics)|(/first-administrator/|/invitation/|/new-password/|/prove-address/|/secret/)[^/\s]+"
)
"""Paths with a token that gives access by itself."""
ADDRESS = re.compile(r"[^\s@<>\"'`(){},;:=/\\|\[\]]{1,64}@((?:[\w-]{1,63}\.)+[\w-]{1,63})")
PASSWORD_IN_URL = re.compile(r"(://[^/\s:@]{0,64}:)[^/\s@]{1,256}@")


def redact(text: str) -> str:
    """Replace the patterns above. The domain of a mail address is kept: `…@example.com`."""
    if "/" in text:
        text = TOKENS.sub(r"\1\3…\2", text)
    text = SECRETS.sub("[hidden]", text)
    if "@" in text:
        text = ADDRESS.sub(r"…@\1", PASSWORD_IN_URL.sub(r"\1…@", text))
    return text


def escape(text: str) -> str:
    """Escape unprintable characters: line breaks, terminal control sequences, changes of text direction."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)
