"""HTTP as this package speaks it: own sessions, a cloud's own authorities, no proxy or bundle from the environment."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from mailer import diagnosis
from mailer.failure import Failure, Outcome

USER_AGENT = "alertadmin"
Answer = TypeVar("Answer")
_BEARER = re.compile(r"eyJ[\w-]{5,}(\.[\w-]+)*|(?i:bearer)\s+\S+")
LATER = frozenset({"network", "transient", "throttled", "sending_limit", "tls"})
"""Causes after which the same call can succeed without anybody mending anything."""


class Session(requests.Session):
    """A session with a timeout on every call; requests' own default is to wait for ever.

    `trust_env=False`: REQUESTS_CA_BUNDLE would silently replace `verify`, and a proxy would be sent the secret.
    """

    def __init__(self, ca_file: str | None = None, *, timeout: float = 10, connections: int = 1) -> None:
        super().__init__()
        self.trust_env = False
        self.verify = ca_file or True
        self.timeout = timeout
        self.headers["User-Agent"] = USER_AGENT
        self.mount("https://", HTTPAdapter(pool_maxsize=connections, max_retries=0))

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self.timeout
        kwargs.setdefault("allow_redirects", False)
        return super().request(method, url, *args, **kwargs)


def within(seconds: float, call: Callable[[], Answer]) -> Answer:
    """The call's result. A server that drips byte by byte never runs into a socket's timeout; it runs into this one.

    Raises TimeoutError; the thread left behind ends with its connection.
    """
    done: list[Answer] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            done.append(call())
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True, name="token")
    thread.start()
    thread.join(seconds)
    if raised:
        raise raised[0]
    if not done:
        raise TimeoutError(f"no answer within {seconds:.0f} s")
    return done[0]


def never_left(error: BaseException) -> bool:
    """Whether the connection was never made, so that not a byte of the message can have left."""
    seen: set[int] = set()
    pending: list[Any] = [error]
    while pending:
        one = pending.pop()
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(
            one,
            NewConnectionError
            | ConnectTimeoutError
            | NameResolutionError
            | ConnectionRefusedError
            | requests.exceptions.SSLError
            | requests.exceptions.ConnectTimeout,
        ):
            return True
        pending += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return False


def failure_of(error: BaseException, *, sent: bool, roles: tuple[str, ...] | None = None) -> Failure:
    """An exception as a Failure; `sent` says that the message was on its way when it was raised."""
    cause = diagnosis.from_exception(error, roles=roles)
    outcome = Outcome.UNKNOWN if sent and not never_left(error) else Outcome.NOT_SENT
    return Failure(cause, one_line(f"{type(error).__name__}: {error}"), outcome, retry=cause in LATER)


def one_line(text: str, most: int = 300) -> str:
    """For an expert's eye: no line breaks, no tokens, not too long."""
    text = " ".join(_BEARER.sub("[token]", text).split())
    return text if len(text) <= most else text[: most - 1] + "…"


def retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds, from a Retry-After header of either form; None if there is none to read."""
    if not value:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - (now or datetime.now(UTC))).total_seconds())
