"""A job of `manage.py`: works on a fresh data folder, without Celery, and answers people or (with --json) programs.

People are answered in the installation's language (ALERTADMIN_LANGUAGE), programs in English whatever it is.
"""

from __future__ import annotations

import json
import sys
from argparse import RawDescriptionHelpFormatter
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import translation

from alertadmin.house.prepare import NotPrepared, prepare
from alertadmin.retelling import retold


@dataclass
class Report:
    """What came of it: `data` for --json, `lines` for people; `ok` decides the exit code."""

    ok: bool
    data: dict[str, Any]
    lines: list[str] = field(default_factory=list)


class Refused(Exception):
    """The job cannot be done; the message says why and what to do. `details` goes into the JSON."""

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.details = details


class Job(BaseCommand):
    """Subclasses give `help`, `example`, and `work`."""

    example = ""
    requires_system_checks = []
    requires_migrations_checks = False

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = f"Example:\n  {self.example}"
        parser.add_argument("--json", action="store_true", help="Print one JSON object on stdout.")
        return parser

    def work(self, options: dict[str, Any]) -> Report:
        """Raises Refused."""
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> None:
        language: AbstractContextManager[None] = translation.override("en") if options["json"] else nullcontext()
        try:
            prepare()
            with language:
                report = self.work(options)
        except (Refused, NotPrepared) as error:
            details = error.details if isinstance(error, Refused) else {}
            report = Report(False, {"error": str(error), **details})
            if not options["json"]:
                self.stderr.write(retold(str(error)))
        if options["json"]:
            self.stdout.write(json.dumps({"ok": report.ok, **report.data}, ensure_ascii=False, default=str))
        else:
            for line in report.lines:
                self.stdout.write(line)
        if not report.ok:
            self.stdout.flush()
            sys.exit(1)
