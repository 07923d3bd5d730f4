"""What no log may hold: Django tells of each refused request by its path, and a calendar's path is its secret."""

from __future__ import annotations

import logging
import re

TOKENS = re.compile(r"(/calendar/)[^/\s]+?(\.ics)|(/first-administrator/|/invitation/|/new-password/|/secret/)[^/\s]+")


class WithoutTokens(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if (clean := TOKENS.sub(r"\1\3…\2", message)) != message:
            record.msg, record.args = clean, ()
        return True
