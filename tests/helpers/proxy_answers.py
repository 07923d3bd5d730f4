"""What proxies answer to CONNECT when they do not open a tunnel."""

from __future__ import annotations

from tests.helpers.connect_proxy import REQUIRED, ConnectProxy

NTLM = b"HTTP/1.1 407 Auth\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\n\r\n"
# Squid's ERR_ACCESS_DENIED, ERR_CACHE_ACCESS_DENIED (postmanlabs/postman-app-support issue 9331, desktop/desktop issue
# 15113), ERR_CONNECT_FAIL; jhy/jsoup issue 1975; dotnet/runtime issue 114066; zaproxy/zaproxy issue 3316
ANSWERS: dict[str, tuple[bytes, str]] = {
    "403": (b"HTTP/1.1 403 Forbidden\r\nX-Squid-Error: ERR_ACCESS_DENIED 0\r\n\r\n<html>canary", "does not allow"),
    "403 of HTTP/1.0": (b"HTTP/1.0 403 Forbidden\r\n\r\n", "does not allow connections to localhost:"),
    "404": (b"HTTP/1.1 404 Not Found\r\n\r\n", "does not allow"),
    "405": (b"HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\n\r\n", "does not allow"),
    "407 without login": (REQUIRED, "asks for a user name and password (HTTP 407)"),
    "407 of NTLM": (NTLM, "offers only NTLM, Negotiate"),
    "429": (b"HTTP/1.1 429 Too Many Requests\r\n\r\n", "does not allow"),
    "500": (b"HTTP/1.1 500 Oops\r\n\r\n", "answered HTTP 500"),
    "502": (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "could not reach localhost:"),
    "503": (b"HTTP/1.1 503 Service Unavailable\r\nX-Squid-Error: ERR_DNS_FAIL 0\r\n\r\n", "could not reach"),
    "504": (b"HTTP/1.1 504 Gateway Timeout\r\n\r\n", "could not reach"),
    "302 to a sign-in page": (b"HTTP/1.1 302 Found\r\nLocation: http://portal/canary\r\n\r\n", "answered HTTP 302"),
    "101": (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "answered HTTP 101"),
    "garbage": (b"SSH-2.0-OpenSSH_9.2\r\n", "something other than HTTP"),
    "a status that is none": (b"HTTP/1.1 OK\r\n\r\n", "something other than HTTP"),
    "half a line": (b"HTTP/1.", "something other than HTTP"),
    "an endless header": (b"HTTP/1.1 403 No\r\n" + b"X: y\r\n" * 20_000, "does not allow"),
    "closed": (b"", "closed the connection without an answer"),
    "reset": (b"reset", "broke the connection off"),
    "silence": (b"silence", "did not connect to localhost:"),
}
"""Answer, and what is said of it."""


def answering(answer: bytes) -> ConnectProxy:
    return ConnectProxy(answer=answer, reset=answer == b"reset", silent=answer == b"silence")
