"""Why nobody heard our ping (in `Ping.trouble`; none of them names the address), and why a letter was not sent."""

from __future__ import annotations

from django.utils.translation import gettext_noop

ANSWERED = gettext_noop("It answered with status %(status)s.")
TOO_SLOW = gettext_noop("It did not answer in time.")
UNTRUSTED = gettext_noop("Its certificate is not to be trusted.")
UNKNOWN_NAME = gettext_noop("Its name is not known.")
UNREACHABLE = gettext_noop("It could not be reached.")

NOTHING_TO_SAY = gettext_noop("There is nothing to say any more.")
IN_CLEAR = gettext_noop(
    "Other machines reach alertadmin without TLS: passwords and secrets cross the network in clear. Set "
    "ALERTADMIN_TLS_CERTIFICATE and ALERTADMIN_TLS_KEY, or put a TLS proxy before it and set ALERTADMIN_PUBLIC_URL to "
    "its https:// address."
)
