"""Guessing passwords and codes is slow, and locks nobody out.

Tries are counted for each account. A browser that was signed in with before has tries of its own for that account,
which no other can use up; and a passkey cannot be guessed, so none is counted. The idea is OWASP's "Slow Down Online
Guessing Attacks with Device Cookies".

A network from which many wrong passwords come is not shut out: a whole office may be behind it, or all people there
are, behind a proxy that does not say for whom it asks. From then on each account has a few tries of its own from there,
the fewer the longer it goes on. So whoever guesses there gets slower, and the right person still has a try.
"""

from __future__ import annotations

import hashlib
import math
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core import signing
from django.core.exceptions import ValidationError
from django.dispatch import Signal
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import ngettext

from alertadmin.accounts.client_ip import client_ip, client_network
from alertadmin.adapters.allauth import normalize_user_code
from alertadmin.audit.throttle_counter import Limit
from mailer.email_address import canonical

WHILE = timedelta(minutes=15)
BUSY = Limit("address", 60, WHILE)
"""Wrong passwords from one network, after which each account has FROM_BUSY tries from there."""
GUESSING = Limit("address for a day", 600, timedelta(days=1))
"""The same for FROM_GUESSING."""
FROM_BUSY = Limit("password from a busy network", 3, WHILE)
FROM_GUESSING = Limit("password from a guessing network", 3, timedelta(hours=1))
PASSWORD = Limit("password", 10, WHILE)
CODE = Limit("code", 5, WHILE)
"""Six digits are guessed sooner; who comes to them has the password already."""
NEW_PASSWORD = Limit("new password", 3, timedelta(hours=1))
"""Mails that a stranger can have sent to somebody."""
NEW_PASSWORD_IN_A_DAY = Limit("new password in a day", 10, timedelta(days=1))
NEW_PASSWORDS_ASKED = Limit("new passwords asked from a network", 100, timedelta(days=1))
"""For however many accounts. A browser that is known for an account asks for it all the same."""
USED = Limit("used code", 1, timedelta(minutes=3))
"""Of the codes that an app shows: longer than any of them is right."""

COOKIE = "__Host-browser" if settings.SESSION_COOKIE_SECURE else "browser"
SALT = "a browser that somebody signed in with"
KNOWN_FOR = timedelta(days=365)
MOST_KNOWN = 5
"""People whom one browser is known for: the last ones."""

throttled = Signal()
"""Sent with `request` and `account`, an e-mail address as it was typed, when no further try was let."""


class Throttled(ValidationError):
    """No further try now; the message says until when."""

    def __init__(self, wait: timedelta) -> None:
        self.wait = wait
        minutes = max(1, math.ceil(wait.total_seconds() / 60))
        super().__init__(
            ngettext(
                "Too many wrong tries. Try again in a minute. A passkey is let in now, and so is a browser "
                "that you have signed in with before.",
                "Too many wrong tries. Try again in %(minutes)s minutes. A passkey is let in now, and so is a browser "
                "that you have signed in with before.",
                minutes,
            ),
            params={"minutes": minutes},
            code="throttled",
        )


@dataclass(frozen=True)
class Throttle:
    """One password or code that is about to be looked at."""

    taken: list[tuple[Limit, str]]
    at: datetime

    def reset(self) -> None:
        for limit, of in self.taken:
            limit.release(of, self.at)


def throttle(request: HttpRequest, account: str, limit: Limit = PASSWORD, now: datetime | None = None) -> Throttle:
    """Raises Throttled. The same for accounts that are here and for those that are not."""
    now = now or timezone.now()
    account = canonical(account)
    if known := _known(request).get(_digest(account)):
        wanted = [(limit, f"{account} {known}")]
    else:
        wanted = [(limit, account)]
    taken = Throttle([], now)
    if limit is NEW_PASSWORD and not known:
        wanted += [(NEW_PASSWORD_IN_A_DAY, account), (NEW_PASSWORDS_ASKED, client_network(client_ip(request)))]
    if limit is PASSWORD and not known:
        wanted += _stricter(taken, account, client_network(client_ip(request)))
    for one, of in wanted:
        if until := one.acquire(of, now):
            taken.reset()
            throttled.send(sender=Throttle, request=request, account=account)
            raise Throttled(until - now)
        taken.taken.append((one, of))
    return taken


def _stricter(taken: Throttle, account: str, network: str) -> list[tuple[Limit, str]]:
    """What the account has left from a network of which this is one wrong try too many."""
    limits = []
    for network_limit, of_account in ((BUSY, FROM_BUSY), (GUESSING, FROM_GUESSING)):
        if network_limit.acquire(network, taken.at) is None:
            taken.taken.append((network_limit, network))
        else:
            limits.append((of_account, f"{account} {network}"))
    return limits


def is_first_use(user_id: int | None, code: str, now: datetime) -> bool:
    """Whether nobody has come in by this code of the person's app yet."""
    return USED.acquire(f"{user_id} {normalize_user_code(code)}", now) is None


def remember_browser(request: HttpRequest, response: HttpResponse, account: str) -> None:
    """From now on this browser has tries of its own for the account: somebody signed in with it."""
    known, key = _known(request), _digest(canonical(account))
    known[key] = known.pop(key, "") or secrets.token_urlsafe(12)
    response.set_cookie(
        COOKIE,
        signing.dumps(dict(list(known.items())[-MOST_KNOWN:]), salt=SALT, compress=True),
        max_age=KNOWN_FOR,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def is_known(request: HttpRequest, account: str) -> bool:
    """Whether somebody signed in to the account with this browser before."""
    return _digest(canonical(account)) in _known(request)


def _known(request: HttpRequest) -> dict[str, str]:
    """Digests of the accounts that this browser is known for, each with the browser's name there."""
    try:
        known = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=KNOWN_FOR)
    except signing.BadSignature:
        return {}
    return {str(account): str(name) for account, name in known.items()}


def _digest(account: str) -> str:
    """Whoever looks into the browser's cookies is not told who signs in with it."""
    return hashlib.sha256(account.encode()).hexdigest()[:16]
