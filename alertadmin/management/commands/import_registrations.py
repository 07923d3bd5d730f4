from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _

from alertadmin.crypto.keyring import KeyringError
from alertadmin.management.base import CommandRefused, CommandResult, JsonCommand
from alertadmin.management.output import standard_input
from alertadmin.registry.csv_import import COLUMNS, NotImported, import_registrations
from alertadmin.registry.date_parser import DayOrder
from mailer.coded_text import message_of


class Command(JsonCommand):
    help = (
        "Imports tenants, app registrations, secrets and mailboxes from a CSV file: all rows or none. A row adds or "
        f"updates; an empty cell keeps the stored value. Columns: {', '.join(COLUMNS)}."
    )
    example = "python manage.py import_registrations customers.csv"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", help='The CSV file, in UTF-8; "-" reads standard input.')
        parser.add_argument(
            "--dates",
            choices=[order.value.replace("_", "-") for order in DayOrder],
            help="How to read dates such as 03/04/2027, if no other date of the file settles it.",
        )

    def work(self, options: dict[str, Any]) -> CommandResult:
        name = options["file"]
        order = DayOrder(options["dates"].replace("-", "_")) if options["dates"] else None
        try:
            if name == "-":
                imported = import_registrations(standard_input(), now=timezone.now(), day_order=order)
            else:
                with open(name, "rb") as file:
                    imported = import_registrations(file, now=timezone.now(), day_order=order)
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
        return CommandResult(True, asdict(imported), [line, *map(str, imported.remarks)])
