"""A channel's failure explained to its administrator, in one sentence."""

from __future__ import annotations

import re

from django.utils.translation import gettext as _

from alertadmin.outbox import messages

TOLD_BY_ITSELF = frozenset({messages.INTERNAL_ADDRESS, messages.NO_ADDRESS})


def explain_failure(cause: str, technical: str) -> str:
    """Return an empty string if the technical line is clear enough."""
    if technical in TOLD_BY_ITSELF:
        return ""
    status = re.match(r"HTTP (\d{3})", technical)
    if status and (sentence := _of_status(int(status[1]))):
        return sentence
    return {
        "throttled": _("The service asks to wait. alertadmin retries automatically."),
        "transient": _("The service has a temporary problem. alertadmin retries automatically."),
        "network": _(
            "The server could not be reached. Check the host and the port of the address, and whether a firewall lets "
            "this machine out."
        ),
        "proxy": _(
            "The outbound proxy of this installation did not let the connection through. Its operator must allow the "
            "host of the address there."
        ),
        "tls": _("The server's certificate is not trusted, or is not for this host. Fix it on that server."),
        "message_too_large": _("The service does not accept a message of this length."),
    }.get(cause, "")


def _of_status(status: int) -> str:
    if status in (401, 403):
        return _(
            "The service rejects this address: its token was revoked or was never valid. Create a new one "
            "there and enter it here."
        )
    if status in (404, 410):
        return _("The service does not know this address, or no longer does. Create a new one there and enter it here.")
    if status >= 500:
        return _("The service failed (HTTP %(status)d); it may still have delivered the message.") % {"status": status}
    if 300 <= status < 400 or status in (408, 429):
        return ""
    if status >= 400:
        return _(
            "The service does not accept the message (HTTP %(status)d). Is the address of the kind that was chosen?"
        ) % {"status": status}
    return ""
