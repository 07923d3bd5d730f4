from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from alertadmin.crypto import key_usage, keyring, reencryption
from alertadmin.management.base import CommandRefused, CommandResult, JsonCommand
from mailer.coded_text import message_of


class Command(JsonCommand):
    help = (
        "Re-encrypts every stored secret with the primary key, in small batches while workers run. If it is "
        "interrupted, the next run continues."
    )
    example = "python manage.py rotate_keys --new-key"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--new-key", action="store_true", help="First add a new key and make it the primary one.")

    def work(self, options: dict[str, Any]) -> CommandResult:
        try:
            if options["new_key"]:
                key_usage.add_primary()
            rotated = reencryption.rotate()
        except (keyring.KeyringError, OSError) as error:
            raise CommandRefused(message_of(error)) from None
        primary = keyring.load().primary
        lines = [_('Secrets re-encrypted with the key "%(key)s": %(done)d.') % {"key": primary, "done": rotated.done}]
        if rotated.done:
            lines.append(
                _("Before you remove an old key, run this again: it must find none. Then: manage.py keys retire KEY_ID")
            )
        if rotated.unreadable:
            lines.append(_("Secrets that could not be decrypted and stay unchanged: %d.") % rotated.unreadable)
        data = {"primary": primary, "rotated": rotated.done, "unreadable": rotated.unreadable}
        return CommandResult(not rotated.unreadable, data, lines)
