from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _

from alertadmin.backup import archive, database_copy, restoration
from alertadmin.crypto import keyring
from alertadmin.management.base import CommandRefused, CommandResult, JsonCommand
from mailer.coded_text import message_of


class Command(JsonCommand):
    help = (
        "Restores a file that `backup` wrote, while alertadmin is stopped, and decrypts every stored secret once to "
        "check the keys. Put the key file in place first: its keys verify the seal, and a backup whose seal fails is "
        "refused. Only rows are restored, into new tables. The previous database is moved, not deleted."
    )
    example = "python manage.py restore /srv/backups/alertadmin-2026-11-24.backup"
    prepares = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help="A file that `backup` wrote.")
        parser.add_argument("--force", action="store_true", help="Also if the database has data: it is moved aside.")
        parser.add_argument(
            "--unauthenticated",
            action="store_true",
            help="Also a backup whose seal no key here verifies: an attacker with write access may have added users, "
            "roles and addresses. Needed for backups of older versions, and for --with-keys on a machine without keys.",
        )

    def work(self, options: dict[str, Any]) -> CommandResult:
        path = Path(options["file"]).absolute()
        try:
            restored = restoration.restore(
                path, force=options["force"], unauthenticated=options["unauthenticated"], now=timezone.now()
            )
        except OSError as error:
            raise CommandRefused(f"{error.filename or path}: {error.strerror or error}") from None
        except (restoration.NotRestored, archive.BadArchive, database_copy.CannotCopy) as error:
            raise CommandRefused(message_of(error)) from None
        return CommandResult(restored.reading.is_complete, _as_data(restored), _report(restored))


def _report(restored: restoration.Restored) -> list[str]:
    """What was restored, and what the operator must do now."""
    reading = restored.reading
    lines = [_("Restored as of %(at)s.") % {"at": restored.manifest.made_at}]
    if restored.doubt:
        lines.append(
            _(
                "No key authenticates this backup. %(why)s Check the users and their roles, the channels "
                "and the audit trail before anyone signs in."
            )
            % {"why": restored.doubt}
        )
    if restored.left_out:
        lines.append(_("Left out, since it is not alertadmin's: %(names)s.") % {"names": ", ".join(restored.left_out)})
    if restored.aside:
        lines.append(_("What was there before is in %(aside)s.") % {"aside": restored.aside})
    lines.append(_("%(read)d of %(count)d secrets decrypted.") % {"read": reading.read, "count": reading.secrets})
    for key_id, count in sorted(reading.missing.items()):
        lines.append(
            _(
                '%(count)d are encrypted with the key "%(key)s", which is not in %(place)s. Restore it, '
                "then: manage.py keys"
            )
            % {"count": count, "key": key_id, "place": keyring.storage().name}
        )
    if reading.tampered:
        lines.append(
            _("%(count)d were altered or moved outside alertadmin: enter them again.") % {"count": reading.tampered}
        )
    if reading.wrong_destination:
        lines.append(
            _(
                "%(count)d were entered for clouds or servers that this installation's clouds file does "
                "not define that way: restore that file (ALERTADMIN_CLOUDS_FILE)."
            )
            % {"count": reading.wrong_destination}
        )
    lines.append(
        _(
            "All users must sign in again. Mails that may already have been sent since then wait for a "
            "decision: Deliveries > Already sent?"
        )
    )
    return lines


def _as_data(restored: restoration.Restored) -> dict[str, Any]:
    reading = restored.reading
    return {
        "authenticated": not restored.doubt,
        "left_out": restored.left_out,
        "made_at": restored.manifest.made_at,
        "secrets": reading.secrets,
        "read": reading.read,
        "missing_keys": dict(reading.missing),
        "altered": reading.tampered,
        "for_other_places": reading.wrong_destination,
        "moved_aside_to": restored.aside,
    }
