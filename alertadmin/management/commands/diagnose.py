from __future__ import annotations

import json
import sys
from argparse import RawDescriptionHelpFormatter
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandParser
from django.utils.translation import gettext as _

from alertadmin.dashboard.ui.badges import OWNERS
from alertadmin.management.output import as_json, readable, refuse_usage_as_json, standard_input
from mailer.diagnosis import diagnose, explain

EXAMPLE = """Example:
  python manage.py diagnose "AADSTS7000222: The provided client secret keys are expired."
  journalctl -u mailer | python manage.py diagnose --json"""


class Command(BaseCommand):
    """Explains an error text; needs no data folder."""

    help = "Explains an error text: the cause, who must act, and the steps. Reads standard input without TEXT."
    requires_system_checks = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(
            prog_name, subcommand, epilog=EXAMPLE, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )
        refuse_usage_as_json(parser)
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "text", nargs="?", metavar="TEXT", type=readable, help="The error text, as a program printed it."
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON object on stdout.")
        parser.add_argument(
            "--lines", action="store_true", help="Read one JSON string a line, print one JSON object a line, in order."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        as_object = options["json"] or options["lines"]
        if options["lines"]:
            if options["text"] is not None:
                self._refuse(_("With --lines the texts come on standard input."), as_object)
            if not self._lines():
                sys.exit(1)
            return
        text = options["text"]
        if text is None:
            text = standard_input().read().decode("utf-8", "replace")
        if not text.strip():
            self._refuse(_("Give the error text as an argument or on standard input."), as_object)
        if as_object:
            self.stdout.write(as_json(diagnose(text).as_dict()))
            return
        diagnosis = diagnose(text, translate=_)
        self.stdout.write(f"{diagnosis.title}\n\n{diagnosis.explanation}\n")
        who_must_act = _("Who must act")
        self.stdout.write(f"{who_must_act}: {OWNERS[diagnosis.owner.value]}\n")
        for number, step in enumerate(diagnosis.fix, 1):
            self.stdout.write(f"  {number}. {step}")
        if diagnosis.also:
            titles = ", ".join(explain(slug, translate=_).title for slug in diagnosis.also)
            self.stdout.write(_("Also in this text: %(causes)s") % {"causes": titles})
        for link in diagnosis.links:
            self.stdout.write(f"  {link.title}: {link.url}")

    def _lines(self) -> bool:
        """Answer each line before the next one is read, for a program that waits. Return whether all are valid."""
        all_read = True
        for number, line in enumerate(standard_input(), 1):
            if not line.strip():
                continue
            try:
                text = json.loads(line)
            except (ValueError, RecursionError):
                text = None
            if isinstance(text, str):
                answer = diagnose(text).as_dict()
            else:
                answer, all_read = {"error": f"Line {number} is not a JSON string."}, False
            self.stdout.write(as_json(answer))
            self.stdout.flush()
        return all_read

    def _refuse(self, message: str, as_object: bool) -> NoReturn:
        if as_object:
            self.stdout.write(as_json({"ok": False, "error": message}))
        else:
            self.stderr.write(message)
        self.stdout.flush()
        sys.exit(1)
