"""A requests session with one deadline for the whole call and a cloud's own authorities, through the operator's proxy
if there is one (`outbound_proxy`); without redirects, compression and the environment's proxies and CA bundles. Its
exceptions say whether the request can have reached the server and whether the response is complete.
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
from mailer.http import deadline_sockets, outbound_proxy

USER_AGENT = "alertadmin"
MAX_IDLE_SECONDS = 60.0
"""Seconds after which an idle connection is replaced. Firewalls drop idle connections; a message sent into one gets no
answer, so that it is unknown whether it arrived."""
CONNECTIONS = 32


@contextmanager
def marking_errors(answer: Answer) -> Iterator[None]:
    """Set the attribute `proves` of exceptions raised inside: what they prove about the request. The first mark
    counts."""
    try:
        yield
    except BaseException as error:
        if not hasattr(error, "proves"):
            error.proves = answer  # type: ignore[attr-defined]
        raise


class _GarbledResponse(HTTPException):
    """The response is malformed."""

    proves = Answer.FOREIGN


class PlainConnection(HTTPConnection):
    """Marks errors before the whole request was sent. Without its last byte no server can have accepted it."""

    _used_at = 0.0

    def connect(self) -> None:
        with marking_errors(Answer.NOT_REACHED):
            super().connect()
        self._used_at = monotonic()

    def _new_conn(self) -> deadline_sockets.PlainSocket:
        try:
            return outbound_proxy.connect(self._dns_host, self.port)
        except outbound_proxy.OutboundProxyError as error:
            raise NewConnectionError(self, str(error)) from error
        except gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"{self.host} does not answer: {error}") from error
        except OSError as error:
            raise NewConnectionError(self, f"{self.host}: {error}") from error

    def request(self, *args: Any, **kwargs: Any) -> None:
        with marking_errors(Answer.CUT_BEFORE):
            try:
                super().request(*args, **kwargs)
            except ConnectionError as error:
                # urllib3 would ignore it and wait for a response; the later error would not prove CUT_BEFORE.
                raise OSError(f"the request was cut off: {error}") from error

    def getresponse(self) -> Any:
        connection: Any = self.sock
        try:
            answer = super().getresponse()
        except RemoteDisconnected:
            raise  # no response at all
        except (HTTPException, HTTPError, ValueError) as error:
            raise _GarbledResponse(f"{type(error).__name__}: {error}") from error
        wrong = ""
        if connection.ended:  # http.client accepts the end of the connection as the end of the headers
            wrong = "the answer's headers were cut off"
        elif answer.status < 200:  # the final response would be read as that of the next request
            wrong = f"HTTP {answer.status} where an answer was due"
        if wrong:
            answer.close()
            self.close()
            raise _GarbledResponse(wrong)
        self._used_at = monotonic()
        if isinstance(connection, deadline_sockets.TlsSocket):
            answer.certificate = connection.getpeercert(binary_form=True)  # type: ignore[attr-defined]
        return answer

    @property
    def is_connected(self) -> bool:
        """False also if unread bytes are pending: they would be read as the response to the next request."""
        more = self.sock.pending() if isinstance(self.sock, deadline_sockets.TlsSocket) else 0
        return monotonic() - self._used_at < MAX_IDLE_SECONDS and not more and super().is_connected


class TlsConnection(PlainConnection, HTTPSConnection):
    """`PlainConnection` over TLS."""


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = PlainConnection


class _Pool(HTTPSConnectionPool):
    ConnectionCls = TlsConnection


class Adapter(HTTPAdapter):
    """Sends requests over these connections and reads the responses. `ca_file` replaces the usual authorities."""

    def __init__(self, ca_file: str | None = None, connections: int = CONNECTIONS) -> None:
        self._context = deadline_sockets.tls_context(ca_file, "https")
        super().__init__(pool_maxsize=connections, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"https": _Pool, "http": _PlainPool}

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        """Ignore `verify`, which the environment can change: the context verifies certificates."""
        host, _of_verify = super().build_connection_pool_key_attributes(request, True, None)
        return host, {"ssl_context": self._context, "cert_reqs": "CERT_REQUIRED"}

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Do nothing: the context verifies certificates."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        answer = super().send(request, *args, **kwargs)
        self.read(answer)
        return answer

    def read(self, answer: requests.Response) -> None:
        """Read the whole body. If that fails the body is empty, and `body_flaw(answer)` says why."""
        encoding = answer.headers.get("Content-Encoding", "identity")
        body, flaw = bytearray(), ""
        if encoding.strip().lower() not in ("", "identity"):
            flaw = "it is compressed, which was not asked for"
        try:
            for chunk in () if flaw else answer.raw.stream(16_384, decode_content=False):
                body += chunk
                if len(body) > deadline_sockets.MAX_RESPONSE_BYTES:
                    flaw = f"it is longer than {deadline_sockets.MAX_RESPONSE_BYTES} bytes"
                    break
        except (HTTPError, HTTPException, OSError, ValueError) as error:
            flaw = f"it was cut off: {type(error).__name__}: {error}"
        set_body(answer, b"" if flaw else bytes(body))
        if flaw:
            answer.flaw = flaw  # type: ignore[attr-defined]
            answer.close()


def set_body(answer: requests.Response, body: bytes) -> None:
    """Set the body that `answer.content` and everything based on it return."""
    answer._content = body
    answer._content_consumed = True  # type: ignore[attr-defined]


def body_flaw(answer: requests.Response) -> str:
    """Why the body could not be read; empty if it was."""
    return getattr(answer, "flaw", "")


class BrokenResponse(requests.exceptions.ChunkedEncodingError):
    """The response's body could not be read. `response` has its status and headers."""

    proves = Answer.FOREIGN


class Session(requests.Session):
    """A session for one set of authorities, shared by threads. `timeout`: seconds for each whole call."""

    def __init__(self, ca_file: str | None = None, *, timeout: float = 10) -> None:
        super().__init__()
        self.trust_env = False
        self.timeout = timeout
        self.headers.update({"User-Agent": USER_AGENT, "Accept-Encoding": "identity"})
        # Tenants share a session, so cookies are not stored.
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.adapters.clear()
        self.mount("https://", Adapter(ca_file))

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Follow no redirect: the other server would get the token, and the message might be posted twice."""

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """The response with its body. Raises BrokenResponse, whose `response` still has the status."""
        with deadline_sockets.deadline(kwargs.get("timeout") or self.timeout):
            answer = super().send(request, **kwargs)
            if flaw := body_flaw(answer):
                raise BrokenResponse(f"HTTP {answer.status_code}, but {flaw}", request=request, response=answer)
            return answer
