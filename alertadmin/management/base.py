"""The base of alertadmin's management commands: they work on a new data folder, without Celery, and print text or JSON.

Text is in the installation's language (ALERTADMIN_LANGUAGE), JSON (`--json`) in English.
"""

from __future__ import annotations

import sys
from argparse import RawDescriptionHelpFormatter
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError
from django.utils import translation
from django.utils.translation import gettext as _

from alertadmin.audit.actor import COMMAND, Actor, acting_as
from alertadmin.management.output import as_json, refuse_usage_as_json
from alertadmin.stored_messages import render_stored
from alertadmin.supervisor.bootstrap import NotPrepared, prepare


@dataclass
class CommandResult:
    """The result of a command: `data` for --json, `lines` otherwise; `ok` decides the exit code."""

    ok: bool
    data: dict[str, Any]
    lines: list[str] = field(default_factory=list)


class CommandRefused(Exception):
    """The command cannot be run; the message says why and what to do. `details` are added to the JSON."""

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.details = details


class JsonCommand(BaseCommand):
    """Subclasses define `help`, `example` and `work`."""

    example = ""
    prepares = True
    """Whether the data folder is prepared before `work`; otherwise `work` does so itself."""
    requires_system_checks = []
    requires_migrations_checks = False

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = f"Example:\n  {self.example}"
        parser.add_argument("--json", action="store_true", help="Print one JSON object on stdout.")
        refuse_usage_as_json(parser)
        return parser

    def work(self, options: dict[str, Any]) -> CommandResult:
        """Run the command. Raises CommandRefused."""
        raise NotImplementedError

    def _report(self, options: dict[str, Any]) -> CommandResult:
        try:
            if self.prepares:
                prepare()
            return self.work(options)
        except CommandRefused as error:
            return CommandResult(False, {"error": str(error), **error.details})
        except NotPrepared as error:
            return CommandResult(False, {"error": str(error)})
        except DatabaseError as error:
            # Only the first line: the next ones may quote a row.
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            return CommandResult(False, {"error": _("The database cannot be used: %(why)s") % {"why": reason}})

    def handle(self, *args: Any, **options: Any) -> None:
        language: AbstractContextManager[None] = translation.override("en") if options["json"] else nullcontext()
        with language, acting_as(Actor(COMMAND + type(self).__module__.rpartition(".")[2])):
            report = self._report(options)
        if options["json"]:
            self.stdout.write(as_json({"ok": report.ok, **report.data}))
        elif "error" in report.data:
            self.stderr.write(render_stored(report.data["error"]))
        else:
            for line in report.lines:
                self.stdout.write(line)
        if not report.ok:
            self.stdout.flush()
            sys.exit(1)
