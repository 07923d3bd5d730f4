from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils.translation import gettext

from mailer.diagnosis import diagnose

EXAMPLE = """Example:
  python manage.py diagnose "AADSTS7000222: The provided client secret keys are expired."
  journalctl -u mailer | python manage.py diagnose --json"""


class Command(BaseCommand):
    """Needs no data folder: it reads a text and says what it means."""

    help = "Says what an error text means, who must act, and how to mend it. Reads standard input without TEXT."
    requires_system_checks = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        from argparse import RawDescriptionHelpFormatter

        return super().create_parser(
            prog_name, subcommand, epilog=EXAMPLE, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("text", nargs="?", metavar="TEXT", help="The error, as a program printed it.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object on stdout.")
        parser.add_argument(
            "--lines", action="store_true", help="Read one JSON string a line, print one JSON object a line, in order."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["lines"]:
            self._lines()
            return
        text = options["text"] if options["text"] is not None else sys.stdin.buffer.read().decode("utf-8", "replace")
        if not text.strip():
            self._refuse("Give the error text as an argument or on standard input.", as_json=options["json"])
        if options["json"]:
            self.stdout.write(json.dumps(diagnose(text).as_dict(), ensure_ascii=False))
            return
        diagnosis = diagnose(text, translate=gettext)
        self.stdout.write(f"{diagnosis.title}\n\n{diagnosis.explanation}\n")
        for number, step in enumerate(diagnosis.fix, 1):
            self.stdout.write(f"  {number}. {step}")
        for link in diagnosis.links:
            self.stdout.write(f"  {link.title}: {link.url}")

    def _lines(self) -> None:
        for number, line in enumerate(sys.stdin.buffer, 1):
            if not line.strip():
                continue
            try:
                text = json.loads(line)
            except ValueError:
                text = None
            if not isinstance(text, str):
                self._refuse(f"Line {number} is not a JSON string.", as_json=True)
            self.stdout.write(json.dumps(diagnose(text).as_dict(), ensure_ascii=False))

    def _refuse(self, message: str, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps({"error": message}))
        else:
            self.stderr.write(message)
        self.stdout.flush()
        sys.exit(1)
