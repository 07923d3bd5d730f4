"""Conditions that an operator should know although nothing fails: `/readyz` still answers 200. Shown in its details and
on the status page, to users with rights for the whole installation.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from alertadmin.accounts import uncounted_proxy
from alertadmin.outbox.channels.apprise import confinement


@dataclass(frozen=True)
class PageNotice:
    code: str
    text: str
    """In the active language."""


def notices() -> list[PageNotice]:
    found = []
    if uncounted_proxy.detected():
        text = _(
            "Requests come through a proxy (X-Forwarded-For or Forwarded), and ALERTADMIN_PROXIES is 0: all "
            "users seem to have the one address of the proxy, so 60 wrong passwords of one user slow the "
            "others down. Set ALERTADMIN_PROXIES to the number of proxies and restart."
        )
        found.append(PageNotice("proxy_uncounted", text))
    if missing := confinement.missing_parts():
        text = _(
            "The code that calls Slack, Teams and others is not confined by this machine’s kernel, which lacks "
            "%(parts)s: only Python keeps it away from files and programs. Webhooks and mail servers are not "
            "affected."
        ) % {"parts": ", ".join(missing)}
        found.append(PageNotice("services_unconfined", text))
    return found
