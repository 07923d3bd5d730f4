"""Sign-in by device code: the user enters a code in any browser, and each call polls once for the result.

Source: Microsoft identity platform, "OAuth 2.0 device authorization grant"; RFC 8628. msal 1.39 is not used to poll,
since its loop waits for minutes, and its cache is not used, since it stores tokens in clear. Only the refresh token is
kept.
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

MAX_INTERVAL = 60
"""Seconds between two polls: the maximum accepted from a server."""
MAX_LIFETIME = 3600
MAX_PAGE_LENGTH = 200
"""Characters of the page's URL."""
MICROSOFT_PAGES = frozenset(
    {"microsoft.com", "www.microsoft.com", "login.microsoft.com", "login.live.com", "login.microsoftonline.com"}
)
"""Hosts of the page to enter a code on, in the worldwide cloud: the only built-in one with personal accounts."""


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """What to show to the user (`user_code`, `page`), and the secret `device_code` to poll with."""

    user_code: str
    page: str
    device_code: str = field(repr=False)
    lifetime: timedelta = field()
    interval: int = 5
    """Seconds between two polls."""


class PollStatus(StrEnum):
    """The results of a poll other than tokens."""

    PENDING = "authorization_pending"
    SLOWER = "slow_down"
    DECLINED = "authorization_declined"
    EXPIRED = "expired_token"


_STATUS_OF_ERROR = {
    **{one.value: one for one in PollStatus},
    "access_denied": PollStatus.DECLINED,
    "code_expired": PollStatus.EXPIRED,
}


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A completed sign-in."""

    account: str
    """The account's address according to Microsoft; empty if the answer has none."""
    refresh_token: str = field(repr=False)


def start(cloud: Cloud, client_id: str, scope: str, *, timeout: float = 10) -> DeviceCode:
    """Request a code. Raises SendError."""
    _require_personal_accounts(cloud)
    with deadline_sockets.deadline(timeout), Session(cloud.ca_file, timeout=timeout) as session:
        try:
            flow = token_client.start_device_flow(cloud, client_id, scope, session)
        except SendError as failure:
            raise _explain_secret_error(failure) from None
        except (OSError, ValueError) as error:  # requests' exceptions are OSErrors
            raise wire_errors.to_send_error(error, sent=False) from None
    page = str(flow.get("verification_uri") or flow.get("verification_url") or "")
    if not page.startswith("https://") or len(page) > MAX_PAGE_LENGTH or not page.isprintable():
        raise SendError("other", "The code came without a page to enter it on.")
    seconds = min(max(int(flow["expires_in"]), 0), MAX_LIFETIME)
    return DeviceCode(
        user_code=wire_errors.sanitize(str(flow["user_code"]), 40),
        page=page,
        device_code=str(flow["device_code"]),
        lifetime=timedelta(seconds=seconds),
        interval=min(max(int(flow["interval"]), 1), MAX_INTERVAL),
    )


def is_login_page(cloud: Cloud, page: str) -> bool:
    """Whether the page to enter a code on is at the cloud's own login host.

    The server's answer contains the page's URL. A rogue server could send users to any page.
    """
    try:
        parts, own = urlsplit(page), urlsplit(cloud.authority)
        origin = (parts.scheme, parts.hostname, parts.port or 443)
        known = {("https", own.hostname, own.port or 443)}
    except ValueError:
        return False
    if cloud.authority == BUILTIN["global"].authority:
        known |= {("https", host, 443) for host in MICROSOFT_PAGES}
    return origin in known and "@" not in parts.netloc and "\\" not in page


def poll(cloud: Cloud, client_id: str, device_code: str, *, timeout: float = 10) -> SignedIn | PollStatus:
    """Poll once, within `timeout` seconds. Raises SendError."""
    with (
        wire_errors.redacting(device_code),
        deadline_sockets.deadline(timeout),
        Session(cloud.ca_file, timeout=timeout) as session,
    ):
        try:
            answer = token_client.poll_device_flow(cloud, client_id, device_code, session)
        except (OSError, ValueError) as error:
            raise wire_errors.to_send_error(error, sent=False) from None
    if (said := _STATUS_OF_ERROR.get(str(answer.get("error")))) is not None:
        return said
    if not answer.get("access_token"):
        raise _explain_secret_error(token_client.token_error(answer))
    if not answer.get("refresh_token"):
        raise SendError("other", "Microsoft gave no refresh token: is offline_access allowed?")
    claims = answer.get("id_token_claims") or {}
    account = str(claims.get("preferred_username") or claims.get("email") or "")
    return SignedIn(wire_errors.sanitize(account, 254), str(answer["refresh_token"]))


def _explain_secret_error(failure: SendError) -> SendError:
    """Correct the cause: no secret is sent here, so an error about it means that the app disallows public client
    flows."""
    if failure.cause == "secret_wrong":
        failure.cause = "account_personal_unsupported"
    return failure


def _require_personal_accounts(cloud: Cloud) -> None:
    if cloud.personal_smtp is None:
        raise SendError("account_personal_unsupported", f"{cloud.label} has no personal accounts.")
