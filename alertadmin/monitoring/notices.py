"""Conditions that an operator should know although nothing fails: `/readyz` still answers 200. Shown in its details and
on the status page, to users with rights for the whole installation.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from alertadmin.accounts import uncounted_proxy
from alertadmin.monitoring import setting_checks
from alertadmin.monitoring.odd_rows import odd_rows
from alertadmin.outbox.channels.apprise import confinement
from alertadmin.outbox.delivery import relay_sender


@dataclass(frozen=True)
class PageNotice:
    code: str
    text: str
    """In the active language."""
    url: str = ""
    """Of the page where it can be mended, if there is one."""


def notices() -> list[PageNotice]:
    found = []
    if uncounted_proxy.detected():
        text = _(
            "Requests come through a proxy (X-Forwarded-For or Forwarded), and ALERTADMIN_PROXIES is 0: all "
            "users seem to have the one address of the proxy, so 60 wrong passwords of one user slow the "
            "others down. Set ALERTADMIN_PROXIES to the number of proxies and restart."
        )
        found.append(PageNotice("proxy_uncounted", text))
    if settings.ENVIRONMENT.is_address_unknown:
        text = _(
            "Links in mails lead to %(address)s, which other machines may not reach, and pages open by that name "
            "alone. Set ALERTADMIN_PUBLIC_URL to the address that users open; further names go into "
            "ALERTADMIN_ALLOWED_HOSTS."
        ) % {"address": settings.PUBLIC_URL}
        found.append(PageNotice("address_unknown", text))
    if name := setting_checks.ignored_proxy():
        text = _(
            "%(name)s is set for this machine, but alertadmin takes a proxy from ALERTADMIN_HTTPS_PROXY alone. Set "
            "that, or ALERTADMIN_NO_PROXY to * if none is meant."
        ) % {"name": name}
        found.append(PageNotice("proxy_ignored", text))
    if relay_sender.is_unknown():
        text = _(
            "Mails by the mail server of ALERTADMIN_SMTP_URL come from %(address)s, which it probably refuses. Set "
            "ALERTADMIN_SMTP_FROM to an address that it accepts, such as alerts@example.com."
        ) % {"address": relay_sender.UNKNOWN}
        found.append(PageNotice("sender_unknown", text))
    if missing := confinement.missing_parts():
        text = _(
            "The code that calls Slack, Teams and others is not confined by this machine’s kernel, which lacks "
            "%(parts)s: only Python keeps it away from files and programs. Webhooks and mail servers are not "
            "affected."
        ) % {"parts": ", ".join(missing)}
        found.append(PageNotice("services_unconfined", text))
    return found + [PageNotice("odd_row", odd.text, odd.url) for odd in odd_rows()]
