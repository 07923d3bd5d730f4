"""Throttling of passwords and codes, without locking accounts.

Tries are counted for each account. A browser that has signed in to the account before has a separate counter, which
other browsers cannot exhaust. Passkeys cannot be guessed and are not counted. Source: OWASP, "Slow Down Online Guessing
Attacks with Device Cookies".

A network with many wrong passwords is not blocked: it may be a whole office, or all users behind a proxy that sends no
client address. From then on each account has a few tries from that network, fewer as the attack continues, so guessing
gets slower and the legitimate user still has a try.
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

WINDOW = timedelta(minutes=15)
NETWORK = Limit("address", 60, WINDOW)
"""Wrong passwords from one network, after which each account has PASSWORD_FROM_BUSY_NETWORK tries from that network."""
NETWORK_DAY = Limit("address for a day", 600, timedelta(days=1))
"""Wrong passwords from one network in a day, after which PASSWORD_FROM_GUESSING_NETWORK applies."""
PASSWORD_FROM_BUSY_NETWORK = Limit("password from a busy network", 3, WINDOW)
PASSWORD_FROM_GUESSING_NETWORK = Limit("password from a guessing network", 3, timedelta(hours=1))
PASSWORD = Limit("password", 10, WINDOW)
CODE = Limit("code", 5, WINDOW)
"""Fewer than for a password: six digits are guessed sooner, and the password is already known at this step."""
PASSWORD_RESET = Limit("new password", 3, timedelta(hours=1))
"""Password mails that an anonymous request can cause for one account."""
PASSWORD_RESET_DAY = Limit("new password in a day", 10, timedelta(days=1))
PASSWORD_RESET_NETWORK = Limit("new passwords asked from a network", 100, timedelta(days=1))
"""Password mails caused by one network, over all accounts. A browser known for an account is exempt."""
CODE_REUSE = Limit("used code", 1, timedelta(minutes=3))
"""Accept a TOTP code once; the window is longer than any code is valid."""

COOKIE = "__Host-browser" if settings.SESSION_COOKIE_SECURE else "browser"
SALT = "a browser that somebody signed in with"  # a stored value: cookies are signed with it
KNOWN_FOR = timedelta(days=365)
MAX_KNOWN_ACCOUNTS = 5
"""Accounts remembered in one browser's cookie: the most recent ones."""

throttled = Signal()
"""Sent with `request` and `account` (the e-mail address as typed) when a try is refused."""


class Throttled(ValidationError):
    """Too many tries; the message says when the next one is accepted."""

    def __init__(self, wait: timedelta) -> None:
        self.wait = wait
        minutes = max(1, math.ceil(wait.total_seconds() / 60))
        super().__init__(
            ngettext(
                "Too many failed attempts. Try again in one minute. You can sign in now with a passkey, or "
                "with a browser that you have used before.",
                "Too many failed attempts. Try again in %(minutes)s minutes. You can sign in now with a "
                "passkey, or with a browser that you have used before.",
                minutes,
            ),
            params={"minutes": minutes},
            code="throttled",
        )


@dataclass(frozen=True)
class Throttle:
    """Counters taken for one password or code that is about to be checked."""

    taken: list[tuple[Limit, str]]
    now: datetime

    def reset(self) -> None:
        for limit, of in self.taken:
            limit.release(of, self.now)


def throttle(request: HttpRequest, account: str, limit: Limit = PASSWORD, now: datetime | None = None) -> Throttle:
    """Count one try. Raises Throttled. Existing and unknown accounts are treated alike."""
    now = now or timezone.now()
    account = canonical(account)
    if known := _known_accounts(request).get(_digest(account)):
        wanted = [(limit, f"{account} {known}")]
    else:
        wanted = [(limit, account)]
    taken = Throttle([], now)
    if limit is PASSWORD_RESET and not known:
        wanted += [(PASSWORD_RESET_DAY, account), (PASSWORD_RESET_NETWORK, client_network(client_ip(request)))]
    if limit is PASSWORD and not known:
        wanted += _network_limits(taken, account, client_network(client_ip(request)))
    for one, of in wanted:
        if until := one.acquire(of, now):
            taken.reset()
            throttled.send(sender=Throttle, request=request, account=account)
            raise Throttled(until - now)
        taken.taken.append((one, of))
    return taken


def _network_limits(taken: Throttle, account: str, network: str) -> list[tuple[Limit, str]]:
    """Limits of the account in this network, once the network exceeds NETWORK or NETWORK_DAY."""
    limits = []
    for network_limit, of_account in (
        (NETWORK, PASSWORD_FROM_BUSY_NETWORK),
        (NETWORK_DAY, PASSWORD_FROM_GUESSING_NETWORK),
    ):
        if network_limit.acquire(network, taken.now) is None:
            taken.taken.append((network_limit, network))
        else:
            limits.append((of_account, f"{account} {network}"))
    return limits


def is_first_use(user_id: int | None, code: str, now: datetime) -> bool:
    """Whether this TOTP code of the user is used for the first time."""
    return CODE_REUSE.acquire(f"{user_id} {normalize_user_code(code)}", now) is None


def remember_browser(request: HttpRequest, response: HttpResponse, account: str) -> None:
    """Give this browser its own counter for the account, after a sign-in."""
    known, key = _known_accounts(request), _digest(canonical(account))
    known[key] = known.pop(key, "") or secrets.token_urlsafe(12)
    response.set_cookie(
        COOKIE,
        signing.dumps(dict(list(known.items())[-MAX_KNOWN_ACCOUNTS:]), salt=SALT, compress=True),
        max_age=KNOWN_FOR,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def is_known(request: HttpRequest, account: str) -> bool:
    """Whether this browser has signed in to the account before."""
    return _digest(canonical(account)) in _known_accounts(request)


def _known_accounts(request: HttpRequest) -> dict[str, str]:
    """From the cookie: digest of each account, and this browser's random name for it."""
    try:
        known = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=KNOWN_FOR)
    except signing.BadSignature:
        return {}
    return {str(account): str(name) for account, name in known.items()}


def _digest(account: str) -> str:
    """Digest an account for the cookie, so that the cookie does not reveal the address."""
    return hashlib.sha256(account.encode()).hexdigest()[:16]
