from __future__ import annotations

from functools import partial
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from alertadmin.crypto import keyring, reencryption
from alertadmin.management.base import CommandRefused, CommandResult, JsonCommand
from alertadmin.registry.clouds import clouds, servers, with_former_url
from mailer.coded_text import message_of


class Command(JsonCommand):
    help = (
        "Run it after you changed the authority of a cloud, or the EWS URL of an Exchange server, in the clouds file: "
        "re-encrypts the secrets stored for the old URL for the new one. Until then they are not sent there."
    )
    example = "python manage.py follow_url onprem --from https://old.plant.example/EWS/Exchange.asmx"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("place", help="The name of the cloud or server in the clouds file.")
        parser.add_argument("--from", dest="former", required=True, help="The previous URL in the file.")

    def work(self, options: dict[str, Any]) -> CommandResult:
        place, former = options["place"], options["former"].rstrip("/")
        cloud, server = clouds().get(place), servers().get(place)
        url = cloud.authority if cloud else server.ews if server else ""
        if not url:
            raise CommandRefused(_('The clouds file does not define "%(place)s".') % {"place": place})
        try:
            moved = reencryption.rebind_destination(place, partial(with_former_url, slug=place, former=former))
        except keyring.KeyringError as error:
            raise CommandRefused(message_of(error)) from None
        said = {"count": moved.done, "former": former, "url": url}
        lines = [_("Secrets stored for %(former)s that can now be sent to %(url)s: %(count)d.") % said]
        if moved.unreadable:
            lines.append(_("Secrets that could not be decrypted and stay unchanged: %d.") % moved.unreadable)
        data = {"place": place, "from": former, "to": url, "moved": moved.done, "unreadable": moved.unreadable}
        return CommandResult(not moved.unreadable, data, lines)
