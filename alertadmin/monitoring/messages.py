"""Why a heartbeat ping was not answered (`Ping.trouble`; never the address), and why a system mail was not sent."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from mailer.coded_text import define

ANSWERED = define("monitoring.answered", gettext_noop("The server answered with status %(status)s."))
TOO_SLOW = define("monitoring.too_slow", gettext_noop("The server did not answer in time."))
UNTRUSTED = define("monitoring.untrusted", gettext_noop("The server's certificate is not trusted."))
UNKNOWN_NAME = define("monitoring.unknown_name", gettext_noop("The server's name is not known."))
UNREACHABLE = define("monitoring.unreachable", gettext_noop("The server could not be reached."))
PROXY_REFUSED = define(
    "monitoring.proxy_refused", gettext_noop("The outbound proxy did not let the connection through.")
)
NOTHING_TO_SAY = define("monitoring.nothing_to_say", gettext_noop("There is nothing to report any more."))
IN_CLEAR = define(
    "monitoring.in_clear",
    gettext_noop(
        "Other machines reach alertadmin without TLS: passwords and secrets cross the network unencrypted. Set "
        "ALERTADMIN_TLS_CERTIFICATE and ALERTADMIN_TLS_KEY, or put a TLS proxy in front of it and set "
        "ALERTADMIN_PUBLIC_URL to its https:// address."
    ),
)
