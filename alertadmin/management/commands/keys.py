from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alertadmin.crypto import key_usage, keyring
from alertadmin.management.base import CommandRefused, CommandResult, JsonCommand
from alertadmin.management.output import readable
from mailer.coded_text import message_of

ACTS = ("list", "add", "retire", "wrap", "unwrap")


class Command(JsonCommand):
    help = (
        "Manages the encryption keys of stored secrets. list (the default): shows each key and the number of secrets "
        "encrypted with it. add: makes a new key the primary one. retire KEY_ID: removes a key, unless a stored secret "
        "is encrypted with it. wrap: rewrites the key file, wrapped by the external key in ALERTADMIN_KEYS. unwrap: "
        "rewrites it without wrapping."
    )
    example = "python manage.py keys retire k1a2b3c4d"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("act", metavar="ACT", nargs="?", choices=ACTS, default="list", help=", ".join(ACTS))
        parser.add_argument("key_id", metavar="KEY_ID", nargs="?", default="", type=readable, help="The key to retire.")

    def work(self, options: dict[str, Any]) -> CommandResult:
        act, key_id = options["act"], options["key_id"]
        if bool(key_id) != (act == "retire"):
            raise CommandRefused(_("Name the key to retire: manage.py keys retire KEY_ID"))
        try:
            done = _done(act, key_id)
            # The key file has changed, but ALERTADMIN_KEYS does not describe it yet.
            return CommandResult(True, {}, [done]) if act == "unwrap" else _listed(done)
        except key_usage.KeyInUse as error:
            raise CommandRefused(message_of(error), key=key_id, secrets=error.count) from None
        except keyring.KeyringError as error:
            raise CommandRefused(message_of(error), keys_out_of_reach=list(error.key_ids)) from None
        except OSError as error:
            raise CommandRefused(message_of(error)) from None


def _done(act: str, key_id: str) -> str:
    """Return a sentence that says what was done; empty if nothing was."""
    if act == "add":
        added = key_usage.add_primary()
        return _('New secrets are now encrypted with the key "%(key)s". For the others: manage.py rotate_keys') % {
            "key": added
        }
    if act == "retire":
        key_usage.retire(key_id)
        return _(
            'The key "%(key)s" is removed. Copies of the database from before today need it: keep their key files.'
        ) % {"key": key_id}
    if act == "wrap":
        keyring.wrap_file()
        return _("The key file is wrapped. Destroy its copies that are not.")
    if act == "unwrap":
        keyring.unwrap_file()
        return _("The key file is not wrapped any more. Remove ALERTADMIN_KEYS, or name another key there and wrap it.")
    return ""


def _listed(done: str) -> CommandResult:
    place, counted = keyring.storage(), key_usage.counts()
    ring = keyring.load()
    absent = sorted(counted.keys() - ring.ciphers.keys() - {""})
    lines = [done] if done else []
    for key_id in [*ring.ciphers, *absent]:
        words = ngettext("%(count)d secret", "%(count)d secrets", counted[key_id]) % {"count": counted[key_id]}
        note = _("primary") if key_id == ring.primary else _("MISSING") if key_id in absent else ""
        lines.append(f"{key_id}  {words}" + (f"  ({note})" if note else ""))
    if counted[""]:
        lines.append(_("Stored values that alertadmin did not encrypt: %(count)d.") % {"count": counted[""]})
    lines.append(_("The keys are in %(place)s.") % {"place": place.name})
    keys = [
        {"id": key_id, "secrets": counted[key_id], "primary": key_id == ring.primary, "missing": key_id in absent}
        for key_id in [*ring.ciphers, *absent]
    ]
    data = {"place": place.name, "primary": ring.primary, "keys": keys, "foreign": counted[""]}
    return CommandResult(not absent and not counted[""], data, lines)
