"""Signing a person in by device code: a code to enter in any browser, and one question at a time whether it was.

Source: Microsoft identity platform, "OAuth 2.0 device authorization grant"; RFC 8628; msal 1.39, whose own loop would
wait for minutes. Nothing but the refresh token is kept of what comes: msal's cache would write tokens in clear.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from mailer import token_client
from mailer.clouds import BUILTIN, Cloud
from mailer.errors import SendError
from mailer.http import deadline_sockets, wire_errors
from mailer.http.http_session import Session

SLOWEST = 60
"""Seconds between two questions that we let a server ask for."""
LONGEST = 3600
LONGEST_PAGE = 200
"""Characters of the page's address."""
MICROSOFT_PAGES = frozenset(
    {"microsoft.com", "www.microsoft.com", "login.microsoft.com", "login.live.com", "login.microsoftonline.com"}
)
"""Where people enter a code of the worldwide cloud, the only built-in one that has personal accounts."""


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """What the person is shown (`user_code`, `page`), and the secret that asks for the outcome."""

    user_code: str
    page: str
    device_code: str = field(repr=False)
    lifetime: timedelta = field()
    interval: int = 5
    """Seconds between two questions."""


class Waiting(StrEnum):
    """Answers to the question that are no tokens."""

    PENDING = "authorization_pending"
    SLOWER = "slow_down"
    DECLINED = "authorization_declined"
    EXPIRED = "expired_token"


_SAID = {**{one.value: one for one in Waiting}, "access_denied": Waiting.DECLINED, "code_expired": Waiting.EXPIRED}


@dataclass(frozen=True, slots=True)
class SignedIn:
    account: str
    """The address that the person signed in with, as Microsoft wrote it; empty if it did not say."""
    refresh_token: str = field(repr=False)


def begin(cloud: Cloud, client_id: str, scope: str, *, timeout: float = 10) -> DeviceCode:
    """Raises SendError."""
    _has_accounts(cloud)
    with deadline_sockets.deadline(timeout), Session(cloud.ca_file, timeout=timeout) as session:
        try:
            flow = token_client.begin_device_flow(cloud, client_id, scope, session)
        except SendError as failure:
            raise _public_client(failure) from None
        except (OSError, ValueError) as error:  # requests' exceptions are OSErrors
            raise wire_errors.failure_of(error, sent=False) from None
    page = str(flow.get("verification_uri") or flow.get("verification_url") or "")
    if not page.startswith("https://") or len(page) > LONGEST_PAGE or not page.isprintable():
        raise SendError("other", "The code came without a page to enter it on.")
    seconds = min(max(int(flow["expires_in"]), 0), LONGEST)
    return DeviceCode(
        user_code=wire_errors.sanitize(str(flow["user_code"]), 40),
        page=page,
        device_code=str(flow["device_code"]),
        lifetime=timedelta(seconds=seconds),
        interval=min(max(int(flow["interval"]), 1), SLOWEST),
    )


def is_login_page(cloud: Cloud, page: str) -> bool:
    """Whether the page to enter a code on is at the cloud's own login host, so that people may be led there.

    A server says where that page is; one that is not what it should be could lead people to any other.
    """
    try:
        parts, own = urlsplit(page), urlsplit(cloud.authority)
        place = (parts.scheme, parts.hostname, parts.port or 443)
        known = {("https", own.hostname, own.port or 443)}
    except ValueError:
        return False
    if cloud.authority == BUILTIN["global"].authority:
        known |= {("https", host, 443) for host in MICROSOFT_PAGES}
    return place in known and "@" not in parts.netloc and "\\" not in page


def ask(cloud: Cloud, client_id: str, device_code: str, *, timeout: float = 10) -> SignedIn | Waiting:
    """One question, within `timeout` seconds. Raises SendError."""
    with (
        wire_errors.redacting(device_code),
        deadline_sockets.deadline(timeout),
        Session(cloud.ca_file, timeout=timeout) as session,
    ):
        try:
            answer = token_client.ask_device_flow(cloud, client_id, device_code, session)
        except (OSError, ValueError) as error:
            raise wire_errors.failure_of(error, sent=False) from None
    if (said := _SAID.get(str(answer.get("error")))) is not None:
        return said
    if not answer.get("access_token"):
        raise _public_client(token_client.refused(answer))
    if not answer.get("refresh_token"):
        raise SendError("other", "Microsoft gave no refresh token: is offline_access allowed?")
    claims = answer.get("id_token_claims") or {}
    account = str(claims.get("preferred_username") or claims.get("email") or "")
    return SignedIn(wire_errors.sanitize(account, 254), str(answer["refresh_token"]))


def _public_client(failure: SendError) -> SendError:
    """No secret is sent here: where one is missed, the app does not allow public client flows."""
    if failure.cause == "secret_wrong":
        failure.cause = "account_personal_unsupported"
    return failure


def _has_accounts(cloud: Cloud) -> None:
    if cloud.personal_smtp is None:
        raise SendError("account_personal_unsupported", f"{cloud.label} has no personal accounts.")
