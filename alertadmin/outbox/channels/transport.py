"""Entry point of this package: `send_notification` sends to a user-supplied address, `check_address` validates one."""

from __future__ import annotations

from urllib.parse import urlsplit

import requests
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from alertadmin.outbox import messages
from alertadmin.outbox.channels import address_forms, address_parts, webhook
from alertadmin.outbox.channels.apprise import service
from alertadmin.outbox.channels.apprise.service import Service
from alertadmin.outbox.channels.notification import Notification
from mailer.errors import SendError
from mailer.http.ssrf_guard import EgressAllowlist
from mailer.transports import Receipt

MAX_URL = 2000


def send_notification(
    url: str, notice: Notification, *, allowed: EgressAllowlist, signing_key: str | None = None, kind: str | None = None
) -> Receipt:
    """Raises mailer.errors.SendError. Does not retry: the outbox does.

    `allowed` is settings.INSIDE_TARGETS. Only a webhook is signed, and only with a key. `kind` is the result of
    `check_address`; passing it saves half a second for a webhook.
    """
    if kind is None:
        try:
            kind = check_address(url).kind
        except ValidationError:
            raise SendError("other", messages.NO_ADDRESS) from None
    if kind == "webhook":
        return webhook.post(url, notice, allowed=allowed, signing_key=signing_key)
    return service.send(url, notice, allowed=allowed)


def check_address(url: str) -> Service:
    """Identify the service of an address. Raises ValidationError, without any part of the address. Makes no connection,
    but takes half a second, so the result is stored.
    """
    if len(url) > MAX_URL:
        raise ValidationError(_("This address is longer than %(most)d characters.") % {"most": MAX_URL})
    address_forms.check_whole(url)
    if any(not character.isprintable() or character.isspace() for character in url):
        raise ValidationError(_("An address has no spaces and no line breaks."))
    if "://" not in url:
        raise ValidationError(_("An address starts with https:// or with the name of a service, such as slack://."))
    if url.partition("://")[0].lower() not in ("http", "https"):
        try:
            return _checked(service.parse_address(url), url)
        except ValidationError as error:
            if error.code == "unknown":
                address_forms.check_form(url)
            raise
    if not _can_be_posted_to(url):
        raise ValidationError(_("This address is incomplete: https://, a host, optionally a port, a path."))
    try:  # Teams, Slack and others also issue addresses that begin with https://
        return _checked(service.parse_address(url), url)
    except ValidationError as error:
        if error.code not in ("unknown", "incomplete"):
            raise
        address_forms.check_form(url)
        if error.code == "incomplete":
            raise
    address_forms.check_webhook(url)
    return Service(_("Webhook"), "webhook", tuple(address_parts.of_webhook(url)))


def _checked(found: Service, url: str) -> Service:
    address_forms.check_known(url, found.kind)
    return found


def _can_be_posted_to(url: str) -> bool:
    try:
        requests.Request("POST", url).prepare()
        address = urlsplit(url)
        return bool(address.hostname) and address.port != 0
    except (ValueError, requests.RequestException):
        return False
