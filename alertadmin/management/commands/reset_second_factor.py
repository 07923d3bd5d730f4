from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from alertadmin.accounts.mfa import enforcement
from alertadmin.management.base import CommandResult, JsonCommand
from alertadmin.management.lookups import person
from alertadmin.management.output import readable


class Command(JsonCommand):
    help = (
        "Removes every second factor and ends every session of a user who lost their device and recovery codes. The "
        "user can then sign in with the password alone: make sure that the request came from them."
    )
    example = "python manage.py reset_second_factor ada@example.com"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", metavar="EMAIL", type=readable, help="Who lost their device.")

    def work(self, options: dict[str, Any]) -> CommandResult:
        who = person(options["email"])
        taken = enforcement.remove_factors(who)
        if who.has_usable_password():
            said = _("%(email)s signs in with the password only until a new MFA method is added.")
        else:
            said = _("%(email)s has no password and signs in with a provider until a new MFA method is added.")
        said %= {"email": who.email}
        return CommandResult(True, {"email": who.email, "factors": taken}, [said])
