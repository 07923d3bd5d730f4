"""HTTPS as this package speaks it: in time as a whole, with a cloud's own authorities, no proxy or bundle from the
environment, no redirect, nothing unpacked, and honest about whether a request can have reached the server and whether
an answer is whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, RemoteDisconnected
from http.cookiejar import DefaultCookiePolicy
from socket import gaierror
from time import monotonic
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NameResolutionError, NewConnectionError

from mailer.errors import Answer
from mailer.http import deadline_sockets

USER_AGENT = "alertadmin"
IDLE = 60.0
"""Seconds after which a kept connection is made anew: firewalls forget silent ones, and what is then sent into them
comes back as a doubt whether the message arrived."""
CONNECTIONS = 32


@contextmanager
def proves(answer: Answer) -> Iterator[None]:
    """Marks what is raised in here with what it proves about the request, unless it is marked already."""
    try:
        yield
    except BaseException as error:
        if not hasattr(error, "proves"):
            error.proves = answer  # type: ignore[attr-defined]
        raise


class _Garbled(HTTPException):
    """What came is no answer."""

    proves = Answer.FOREIGN


class PlainConnection(HTTPConnection):
    """Marks what fails before a whole request left. Without the last byte of its body no server can have taken it."""

    _used_at = 0.0

    def connect(self) -> None:
        with proves(Answer.NOT_REACHED):
            super().connect()
        self._used_at = monotonic()

    def _new_conn(self) -> deadline_sockets.Plain:
        try:
            return deadline_sockets.dial(self._dns_host, self.port)
        except gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"{self.host} does not answer: {error}") from error
        except OSError as error:
            raise NewConnectionError(self, f"{self.host}: {error}") from error

    def request(self, *args: Any, **kwargs: Any) -> None:
        with proves(Answer.CUT_BEFORE):
            try:
                super().request(*args, **kwargs)
            except ConnectionError as error:
                # urllib3 would swallow it and wait for an answer, whose failure says nothing of the request.
                raise OSError(f"the request was cut off: {error}") from error

    def getresponse(self) -> Any:
        connection: Any = self.sock
        try:
            answer = super().getresponse()
        except RemoteDisconnected:
            raise  # silence
        except (HTTPException, HTTPError, ValueError) as error:
            raise _Garbled(f"{type(error).__name__}: {error}") from error
        wrong = ""
        if connection.ended:  # http.client takes the end of the connection for the end of the headers
            wrong = "the answer's headers were cut off"
        elif answer.status < 200:  # what follows would be taken for the answer to the next request
            wrong = f"HTTP {answer.status} where an answer was due"
        if wrong:
            answer.close()
            self.close()
            raise _Garbled(wrong)
        self._used_at = monotonic()
        if isinstance(connection, deadline_sockets.Tls):
            answer.certificate = connection.getpeercert(binary_form=True)  # type: ignore[attr-defined]
        return answer

    @property
    def is_connected(self) -> bool:
        """Not where more came than was asked for: it would be taken for the answer to the next request."""
        more = self.sock.pending() if isinstance(self.sock, deadline_sockets.Tls) else 0
        return monotonic() - self._used_at < IDLE and not more and super().is_connected


class Connection(PlainConnection, HTTPSConnection):
    """The same over TLS."""


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = PlainConnection


class _Pool(HTTPSConnectionPool):
    ConnectionCls = Connection


class Adapter(HTTPAdapter):
    """Carries requests over such connections, and reads the answers. `ca_file` is trusted alone; without it the usual
    authorities are."""

    def __init__(self, ca_file: str | None = None, connections: int = CONNECTIONS) -> None:
        self._context = deadline_sockets.tls_context(ca_file, "https")
        super().__init__(pool_maxsize=connections, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"https": _Pool, "http": _PlainPool}

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        """The context verifies; `verify`, which the environment can change, has no say."""
        host, _of_verify = super().build_connection_pool_key_attributes(request, True, None)
        return host, {"ssl_context": self._context, "cert_reqs": "CERT_REQUIRED"}

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """As above."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        answer = super().send(request, *args, **kwargs)
        self.read(answer)
        return answer

    def read(self, answer: requests.Response) -> None:
        """The whole body, as it came. Where that is not to be had, `flaw_of(answer)` says why, and there is none."""
        encoding = answer.headers.get("Content-Encoding", "identity")
        body, flaw = bytearray(), ""
        if encoding.strip().lower() not in ("", "identity"):
            flaw = "it is compressed, which was not asked for"
        try:
            for chunk in () if flaw else answer.raw.stream(16_384, decode_content=False):
                body += chunk
                if len(body) > deadline_sockets.LARGEST_ANSWER:
                    flaw = f"it is longer than {deadline_sockets.LARGEST_ANSWER} bytes"
                    break
        except (HTTPError, HTTPException, OSError, ValueError) as error:
            flaw = f"it was cut off: {type(error).__name__}: {error}"
        keep_whole(answer, b"" if flaw else bytes(body))
        if flaw:
            answer.flaw = flaw  # type: ignore[attr-defined]
            answer.close()


def keep_whole(answer: requests.Response, body: bytes) -> None:
    """Makes the body what `answer.content` and all that reads it finds."""
    answer._content = body
    answer._content_consumed = True  # type: ignore[attr-defined]


def flaw_of(answer: requests.Response) -> str:
    """Why an answer's body is not what the server meant to say; empty if it is."""
    return getattr(answer, "flaw", "")


class BrokenAnswer(requests.exceptions.ChunkedEncodingError):
    """The head of an answer came, and no body that can be read. `response` has the head."""

    proves = Answer.FOREIGN


class Session(requests.Session):
    """One for each set of authorities; threads share it. `timeout` bounds each call as a whole, in seconds."""

    def __init__(self, ca_file: str | None = None, *, timeout: float = 10) -> None:
        super().__init__()
        self.trust_env = False
        self.timeout = timeout
        self.headers.update({"User-Agent": USER_AGENT, "Accept-Encoding": "identity"})
        # Tenants share a session: none is shown what another's server wanted to remember.
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.adapters.clear()
        self.mount("https://", Adapter(ca_file))

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None is followed: the next server would be shown the token, and a message cannot be posted by halves."""

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """The answer with its body. Raises BrokenAnswer, whose `response` still tells the status."""
        with deadline_sockets.deadline(kwargs.get("timeout") or self.timeout):
            answer = super().send(request, **kwargs)
            if flaw := flaw_of(answer):
                raise BrokenAnswer(f"HTTP {answer.status_code}, but {flaw}", request=request, response=answer)
            return answer
