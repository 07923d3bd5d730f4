"""Build Django's LOGGING setting from level and format."""

from __future__ import annotations

import logging
from typing import Any

from alertadmin.operator_log.context import is_command
from alertadmin.operator_log.formats import JsonFormatter, TextFormatter

FORMATTERS: dict[str, type[logging.Formatter]] = {"text": TextFormatter, "json": JsonFormatter}


def formatter(format_name: str) -> logging.Formatter:
    return FORMATTERS[format_name]()


def default_level() -> str:
    """Return WARNING for a command, else INFO: cron would mail a command's INFO lines each hour."""
    return "WARNING" if is_command() else "INFO"


def logging_settings(level: str, format_name: str) -> dict[str, Any]:
    """Return the setting. `level` applies to alertadmin's own loggers; at INFO, libraries log from WARNING on."""
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
            # It logs a warning for each 404 and 403, which any client can cause. Errors of the program are ERROR.
            "django.request": {"level": "DEBUG" if level == "DEBUG" else "ERROR"},
            "django.security": {"level": "DEBUG" if level == "DEBUG" else "ERROR"},
            "django.security.DisallowedHost": {"level": "DEBUG" if level == "DEBUG" else "CRITICAL"},
            # At DEBUG it logs every path, and the path of a heartbeat URL is a token.
            "urllib3": {"level": "INFO"},
            # It logs many lines at each failed attempt; the pages show the same as one sentence.
            "azure": {"level": "ERROR"},
        },
    }
