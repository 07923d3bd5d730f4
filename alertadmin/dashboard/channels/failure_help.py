"""What a channel's failure means, and what to do: in a sentence for who set it up."""

from __future__ import annotations

import re

from django.utils.translation import gettext as _

from alertadmin.outbox import messages

TOLD_BY_ITSELF = frozenset({messages.INTERNAL_ADDRESS, messages.NO_ADDRESS})


def explain_failure(cause: str, technical: str) -> str:
    """Empty where the technical line says it all."""
    if technical in TOLD_BY_ITSELF:
        return ""
    status = re.match(r"HTTP (\d{3})", technical)
    if status and (sentence := _of_status(int(status[1]))):
        return sentence
    return {
        "throttled": _("The service asks for patience. It is tried again by itself."),
        "transient": _("The service has a disturbance of its own. It is tried again by itself."),
        "network": _(
            "The server could not be reached. Check the host and the port of the address, and whether a firewall lets "
            "this machine out."
        ),
        "tls": _("The server's certificate is not trusted, or is not for this host. It must be mended there."),
        "message_too_large": _("The service takes no message of this length."),
    }.get(cause, "")


def _of_status(status: int) -> str:
    if status in (401, 403):
        return _(
            "The service turns this address away: its token was withdrawn, or was never right. Make a new one "
            "there and enter it here."
        )
    if status in (404, 410):
        return _("The service knows no such address, or no longer. Make a new one there and enter it here.")
    if status >= 500:
        return _("The service failed at it (HTTP %(status)d); it may have told it all the same.") % {"status": status}
    if 300 <= status < 400 or status in (408, 429):
        return ""
    if status >= 400:
        return _(
            "The service does not take what it is sent (HTTP %(status)d). Is the address of the kind that was chosen?"
        ) % {"status": status}
    return ""
