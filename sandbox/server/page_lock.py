"""The key that protects the sandbox's own pages and its control endpoint. Other users of the machine can reach the
port, and received mail contains links that set a password.

A browser sends the key once, in the URL (`?key=…`), and gets a cookie; a program sends it in each request.
"""

from __future__ import annotations

from hmac import compare_digest
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote

from sandbox.server.html import page
from sandbox.server.http_server import Request, Response

COOKIE = "sandbox-key"
ROOT = "/_sandbox/"


class PageLock:
    """Checks the key of requests."""

    def __init__(self, key: str) -> None:
        """An empty key allows all requests, as for a sandbox in a test's process."""
        self._key = key

    def refusal(self, request: Request) -> Response | None:
        """The response to a request without the key, or the redirect that sets the cookie; None if the key is right."""
        if not self._key or self._fits(request.headers.get("authorization", "").removeprefix("Bearer ")):
            return None
        is_look = request.method in ("GET", "HEAD")
        if is_look and self._fits(request.query.get("key", "")):
            # Redirect, so that the browser's history has the URL without the key.
            cookie = f"{COOKIE}={self._key}; Path={ROOT}; Secure; HttpOnly; SameSite=Lax"
            return Response(303, headers={"Location": quote(request.path), "Set-Cookie": cookie})
        # The cookie is not accepted for the control endpoint: pages on other ports of this machine could use it.
        if is_look and self._fits(_cookie(request)):
            return None
        sorry = "<p>These pages need the key of this start: open the URL that was printed at the start.</p>"
        return page("Locked", sorry, 403) if is_look else Response.of_json({"error": "the key is missing"}, 403)

    def _fits(self, given: str) -> bool:
        return compare_digest(given.encode(), self._key.encode())


def _cookie(request: Request) -> str:
    try:
        cookies = SimpleCookie(request.headers.get("cookie", ""))
    except CookieError:
        return ""
    return cookies[COOKIE].value if COOKIE in cookies else ""
