"""The door of this package: `tell` sends a notice to an address that somebody typed, `check` judges one."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from alertadmin.outbox.channels import webhook
from alertadmin.outbox.channels.guard import Allowed
from alertadmin.outbox.channels.notice import Notice
from mailer.transports import Receipt

LONGEST_URL = 2000


@dataclass(frozen=True, slots=True)
class Service:
    """What an address leads to. `kind` is "webhook", which can be signed, or apprise's name of the service, such as
    "slack"; `label` is for people, such as "Slack"."""

    label: str
    kind: str

    @property
    def can_be_signed(self) -> bool:
        return self.kind == "webhook"


def tell(url: str, notice: Notice, *, allowed: Allowed, signing_key: str | None = None) -> Receipt:
    """Raises mailer.failure.Failure. Never retries: that is the outbox's business.

    `allowed` is settings.INSIDE_TARGETS. Only a webhook is signed, and only with a key.
    """
    return webhook.post(url, notice, allowed=allowed, signing_key=signing_key)


def check(url: str) -> Service:
    """What the address leads to. Raises ValidationError, which says what is wrong and repeats nothing of the address.

    For forms and tests; it may take a second, so what it says is stored. Nothing is connected to.
    """
    scheme = url.partition(":")[0].lower()
    if len(url) > LONGEST_URL:
        raise ValidationError(_("This address is longer than %(most)d characters.") % {"most": LONGEST_URL})
    if any(not character.isprintable() or character.isspace() for character in url):
        raise ValidationError(_("An address has no spaces and no line breaks."))
    if scheme not in ("http", "https"):
        raise ValidationError(_("The address must begin with https:// or http://."))
    try:
        address = urlsplit(url)
        requests.Request("POST", url).prepare()
        usable = bool(address.hostname) and address.port != 0
    except (ValueError, requests.RequestException):
        usable = False
    if not usable:
        raise ValidationError(_("This is no complete address: https://, a host, perhaps a port, a path."))
    return Service(_("Webhook"), "webhook")
