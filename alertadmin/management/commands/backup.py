from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alertadmin.backup import creation, database_copy
from alertadmin.crypto import keyring
from alertadmin.management.base import CommandRefused, CommandResult, JsonCommand
from alertadmin.stored_messages import render_error
from mailer.coded_text import message_of


class Command(JsonCommand):
    help = (
        "Writes the database to one file while workers run, without sessions, and with a seal by the primary key, so "
        "that `restore` detects changes to the file. It contains the encryption keys only with --with-keys: without "
        "them no secret in it can be decrypted, so keep the key file elsewhere."
    )
    example = "python manage.py backup /srv/backups/alertadmin-2026-11-24.backup"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help="Path of a file that does not exist yet.")
        keys = parser.add_mutually_exclusive_group()
        keys.add_argument(
            "--with-keys", action="store_true", help="Include the keys: FILE is then enough to decrypt every secret."
        )
        keys.add_argument("--without-keys", dest="with_keys", action="store_false", help="As without a word.")
        parser.add_argument(
            "--unsealed",
            action="store_true",
            help="Write no seal, if the keys cannot be loaded. restore then requires --unauthenticated.",
        )

    def work(self, options: dict[str, Any]) -> CommandResult:
        path = Path(options["file"]).absolute()
        try:
            manifest = creation.create_backup(
                path, with_keys=options["with_keys"], sealed=not options["unsealed"], now=timezone.now()
            )
        except FileExistsError:
            raise CommandRefused(_("%(file)s is there already. Choose another name.") % {"file": path}) from None
        except OSError as error:
            raise CommandRefused(f"{error.filename or path}: {error.strerror or error}") from None
        except database_copy.CannotCopy as error:
            raise CommandRefused(message_of(error)) from None
        except keyring.KeyringError as error:
            raise CommandRefused(
                _("%(why)s A backup is sealed with a key; to make one without a seal: --unsealed")
                % {"why": render_error(error)}
            ) from None
        count, keys = manifest.secrets, ", ".join(sorted(manifest.keys))
        lines = [
            ngettext("Written: %(file)s, with %(count)d secret.", "Written: %(file)s, with %(count)d secrets.", count)
            % {"file": path, "count": count}
        ]
        if options["unsealed"]:
            lines.append(_("It has no seal: restore will not notice what is changed in it."))
        if options["with_keys"]:
            lines.append(_("The keys are in it: this file gives access to every secret. Store it safely."))
        else:
            lines.append(
                _(
                    "The keys are not in it. Keep %(keys)s (%(place)s) elsewhere: without them, none of its "
                    "secrets can be decrypted."
                )
                % {"keys": keys or "–", "place": keyring.storage().name}
            )
        data = {"file": str(path), "secrets": count, "keys": manifest.keys, "with_keys": options["with_keys"]}
        data["sealed"] = not options["unsealed"]
        return CommandResult(True, data, lines)
