from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any, BinaryIO

from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alertadmin.crypto.keyring import KeyringError
from alertadmin.management.base import CommandRefused, CommandResult, JsonCommand
from alertadmin.management.output import standard_input
from alertadmin.registry.csv_import import COLUMNS, ImportOptions, ImportResult, NotImported, import_registrations
from alertadmin.registry.date_parser import DayOrder
from mailer.coded_text import message_of

FOR_THE_FILE = {
    "directory": ("ID", "Directory (tenant) ID of all rows, for a file without that column."),
    "tenant_name": ("NAME", "Name of that tenant, if it is new."),
    "client_id": ("ID", "Client ID of all rows, for a file with the credentials of one app."),
    "app_name": ("NAME", "Name of that app registration, if it is new."),
    "time_zone": ("ZONE", "Time zone of tenants that are new, and of their dates: Europe/Paris."),
}
REPORTED_ROWS = 2_000


class Command(JsonCommand):
    help = (
        "Imports tenants, app registrations, secrets and mailboxes from a CSV file, an Excel workbook (.xlsx) or the "
        "JSON of az and Microsoft Graph: all rows or none. A row adds or updates; an empty cell keeps the stored "
        f"value. Columns: {', '.join(COLUMNS)}."
    )
    example = "python manage.py import_registrations customers.csv"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", help='The file; "-" reads standard input.')
        parser.add_argument(
            "--dates",
            choices=[order.value.replace("_", "-") for order in DayOrder],
            help="How to read dates such as 03/04/2027, if no other date of the file settles it.",
        )
        for name, (metavar, text) in FOR_THE_FILE.items():
            parser.add_argument(f"--{name.replace('_', '-')}", metavar=metavar, default="", help=text)
        parser.add_argument(
            "--partial",
            action="store_true",
            help="Import the good rows and name the others, in place of all rows or none.",
        )
        parser.add_argument(
            "--yes",
            action="store_true",
            help="Do not ask about expiry dates that have passed or are improbable. On a terminal the command asks; "
            "otherwise, and with --json, it imports them and names them.",
        )

    def work(self, options: dict[str, Any]) -> CommandResult:
        name = options["file"]
        try:
            if name == "-":
                imported = self._import(standard_input(), options)
            else:
                with open(name, "rb") as file:
                    imported = self._import(file, options)
        except OSError as error:
            raise CommandRefused(
                _("%(file)s cannot be read: %(why)s.") % {"file": name, "why": error.strerror}
            ) from None
        except KeyringError as error:
            raise CommandRefused(message_of(error)) from None
        except NotImported as error:
            mistakes = [asdict(mistake) for mistake in error.mistakes]
            raise CommandRefused(_("Nothing was imported.") + f"\n{error}", errors=mistakes) from None
        line = _("Rows: %(rows)d. Added: %(added)d, changed: %(changed)d.") % asdict(imported)
        lines = [line, *map(str, imported.remarks)]
        if imported.refused:
            lines.append(_("Rows that were not imported: %d.") % len({remark.line for remark in imported.refused}))
        return CommandResult(not imported.refused, asdict(imported), [*lines, *map(str, imported.refused)])

    def _import(self, file: BinaryIO, options: dict[str, Any]) -> ImportResult:
        chosen = ImportOptions(
            day_order=DayOrder(options["dates"].replace("-", "_")) if options["dates"] else None,
            directory_id=options["directory"],
            tenant_name=options["tenant_name"],
            client_id=options["client_id"],
            app_name=options["app_name"],
            time_zone=options["time_zone"],
            is_partial=options["partial"],
        )
        try:
            chosen.check()
        except ValidationError as error:
            raise CommandRefused(" ".join(error.messages)) from None
        # Without a terminal there is no answer: the remarks name the dates.
        is_asking = sys.stdin and sys.stdin.isatty() and not (options["yes"] or options["json"])
        return import_registrations(
            file,
            now=timezone.now(),
            options=chosen,
            progress=self._show_progress,
            confirm=self._ask if is_asking else None,
        )

    def _ask(self, count: int) -> bool:
        """Ask on the terminal. Only a clear yes, in the installation's language or in English, counts as one."""
        question = ngettext(
            "%d expiry date has passed or is more than 24 months ahead. Import it? [y/N]",
            "%d expiry dates have passed or are more than 24 months ahead. Import them? [y/N]",
            count,
        )
        self.stderr.write(question % count, ending=" ")
        self.stderr.flush()
        return sys.stdin.readline().strip().lower() in {"y", "yes", _("yes"), _("yes")[:1]}

    def _show_progress(self, done: int) -> None:
        """Progress of a long file, on standard error: standard output has the result alone."""
        if done >= REPORTED_ROWS and sys.stderr.isatty():
            sys.stderr.write("\r" + _("%d rows are done.") % done)
            sys.stderr.flush()
