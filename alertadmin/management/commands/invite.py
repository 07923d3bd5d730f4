from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _

from alertadmin.accounts.roles import Role
from alertadmin.accounts.services import invitations
from alertadmin.management.base import CommandRefused, CommandResult, JsonCommand


class Command(JsonCommand):
    help = (
        "Invites a user with a role for the whole installation and prints the invitation's link, which works once "
        "within seven days. A user who has an account with this address signs in and accepts the role. No mail is "
        "sent: give the link to that user only, since it confirms the address."
    )
    example = "python manage.py invite ada@example.com --role owner"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("address", help="e-mail address of the user")
        parser.add_argument("--role", choices=Role.values, default=Role.ADMINISTRATOR.value)

    def work(self, options: dict[str, Any]) -> CommandResult:
        try:
            made = invitations.invite(options["address"], {None: Role(options["role"])}, by=None, now=timezone.now())
        except ValidationError as error:
            words = {"text": options["address"], "reason": " ".join(error.messages)}
            raise CommandRefused(_("“%(text)s”: %(reason)s") % words) from None
        return CommandResult(True, {"link": made.link, "ends_at": made.ends_at.isoformat()}, [made.link])
