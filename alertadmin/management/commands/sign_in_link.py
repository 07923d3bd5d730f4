from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.db import transaction
from django.utils.translation import gettext as _

from alertadmin import audit
from alertadmin.accounts import password_reset
from alertadmin.management.base import CommandRefused, CommandResult, JsonCommand
from alertadmin.management.lookups import person
from alertadmin.management.output import readable


class Command(JsonCommand):
    help = (
        "Prints a link to choose a new password, for a user who forgot theirs, if mail cannot be sent. The link works "
        "once within an hour, and does not replace the second factor. It is recorded in the audit trail and mailed to "
        "the user."
    )
    example = "python manage.py sign_in_link ada@example.com"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", metavar="EMAIL", type=readable, help="The user's e-mail address.")

    def work(self, options: dict[str, Any]) -> CommandResult:
        who = person(options["email"])
        if not who.is_active or not who.has_usable_password():
            raise CommandRefused(
                _("%(email)s does not sign in with a password, or is disabled.") % {"email": who.email}
            )
        with transaction.atomic():
            audit.record(audit.AuditAction.PASSWORD_LINK_MADE, who)
        link = password_reset.link(who)
        return CommandResult(True, {"email": who.email, "link": link, "good_for_seconds": 3600}, [link])
