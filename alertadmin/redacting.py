"""What no log may hold: Django tells of each refused request by its path, and a calendar's path is its secret. And
what somebody else wrote begins no line of its own there."""

from __future__ import annotations

import logging
import re

BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
TOKENS = re.compile(r"(/calendar/)[^/\s]+?(\.ics)|(/first-administrator/|/invitation/|/new-password/|/secret/)[^/\s]+")


class WithoutTokens(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if (clean := TOKENS.sub(r"\1\3…\2", message)) != message:
            record.msg, record.args = clean, ()
        return True


class OneLine(logging.Formatter):
    """The message is one line, whatever stands in it; a traceback below it keeps its lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        return BREAKS.sub(lambda found: found[0].encode("unicode_escape").decode(), super().formatMessage(record))
