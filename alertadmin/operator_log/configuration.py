"""Django's LOGGING, from level and format."""

from __future__ import annotations

import logging
from typing import Any

from alertadmin.operator_log.context import is_command
from alertadmin.operator_log.formats import JsonFormatter, TextFormatter

FORMATTERS: dict[str, type[logging.Formatter]] = {"text": TextFormatter, "json": JsonFormatter}


def formatter(format_name: str) -> logging.Formatter:
    return FORMATTERS[format_name]()


def default_level() -> str:
    """A command answers on its own; what it logs beside that would be a mail from cron each hour."""
    return "WARNING" if is_command() else "INFO"


def logging_settings(level: str, format_name: str) -> dict[str, Any]:
    """`level` is that of alertadmin's own lines. Libraries begin at WARNING where it is INFO."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": FORMATTERS[format_name]}},
        "filters": {"repeats": {"()": "alertadmin.operator_log.repeats.RepeatFilter"}},
        "handlers": {
            "stderr": {
                "()": "alertadmin.operator_log.handler.OperatorHandler",
                "formatter": "line",
                "filters": ["repeats"],
            },
        },
        "root": {"handlers": ["stderr"], "level": "WARNING" if level == "INFO" else level},
        "loggers": {
            "alertadmin": {"level": level},
            # Django's own handlers (colours on a terminal, mails to ADMINS) are not used.
            "django": {"handlers": [], "level": "NOTSET", "propagate": True},
            # Of each 404 and 403 it warns: strangers cause those at will. Failures of ours are errors.
            "django.request": {"level": "DEBUG" if level == "DEBUG" else "ERROR"},
            "django.security": {"level": "DEBUG" if level == "DEBUG" else "ERROR"},
            "django.security.DisallowedHost": {"level": "DEBUG" if level == "DEBUG" else "CRITICAL"},
            # At DEBUG it writes every path down, and a ping's path is a token.
            "urllib3": {"level": "INFO"},
            # Of a failure it writes many lines at each try; the sentence on the pages says what they say.
            "azure": {"level": "ERROR"},
        },
    }
