from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.db import connection
from django.utils.translation import gettext as _

from alertadmin.audit import postgres_role
from alertadmin.management.base import CommandRefused, CommandResult, JsonCommand


class Command(JsonCommand):
    help = (
        "Prints the statements that give a PostgreSQL role the least privileges to run alertadmin: it can read and "
        "write rows but not alter tables, and add to the audit trail but not change or delete its entries. With "
        "--apply, runs them, which requires the owner of the tables. Run it again after each upgrade: migrate as the "
        "owner, then run alertadmin as the role."
    )
    example = "python manage.py database_roles alertadmin_app --apply"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("role", metavar="ROLE", help="Name of the role. First: CREATE ROLE … LOGIN PASSWORD '…'.")
        parser.add_argument("--apply", action="store_true", help="Run them as the user of ALERTADMIN_DATABASE_URL.")

    def work(self, options: dict[str, Any]) -> CommandResult:
        role: str = options["role"]
        if connection.vendor != "postgresql":
            raise CommandRefused(
                _("Only PostgreSQL has roles. With SQLite, write access to the file gives access to everything.")
            )
        if not postgres_role.NAME.fullmatch(role):
            raise CommandRefused(_("A role's name consists of a-z, 0-9 and _, and starts with a letter."))
        statements = list(postgres_role.grants(role))
        if not options["apply"]:
            return CommandResult(True, {"role": role, "statements": statements}, [f"{one};" for one in statements])
        if not postgres_role.exists(role):
            raise CommandRefused(
                _("There is no role %(role)s. Create it first: CREATE ROLE … LOGIN PASSWORD '…'.") % {"role": role}
            )
        postgres_role.apply(statements)
        return CommandResult(
            True,
            {"role": role, "statements": statements},
            [_("The role %(role)s can now run alertadmin, and nothing more.") % {"role": role}],
        )
