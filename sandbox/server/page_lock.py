"""The key to the sandbox's own pages and its control door: other accounts of the machine reach the port too, and what
arrived here includes links by which a password is set.

A browser brings it once, in the address (`?key=…`), and has a cookie from then on; a program in each request.
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
    def __init__(self, key: str) -> None:
        """Empty: all is open, as for a sandbox within a test's own process."""
        self._key = key

    def refusal(self, request: Request) -> Response | None:
        """What is answered in the place of a page; None where the request brings the key."""
        if not self._key or self._fits(request.headers.get("authorization", "").removeprefix("Bearer ")):
            return None
        is_look = request.method in ("GET", "HEAD")
        if is_look and self._fits(request.query.get("key", "")):
            # The address that stays in the browser's history is without it.
            cookie = f"{COOKIE}={self._key}; Path={ROOT}; Secure; HttpOnly; SameSite=Lax"
            return Response(303, headers={"Location": quote(request.path), "Set-Cookie": cookie})
        # A cookie alone opens no control door: pages of other ports of this machine could use it.
        if is_look and self._fits(_cookie(request)):
            return None
        sorry = "<p>These pages need the key of this start: open the address that the start printed.</p>"
        return page("Locked", sorry, 403) if is_look else Response.of_json({"error": "the key is missing"}, 403)

    def _fits(self, given: str) -> bool:
        return compare_digest(given.encode(), self._key.encode())


def _cookie(request: Request) -> str:
    try:
        cookies = SimpleCookie(request.headers.get("cookie", ""))
    except CookieError:
        return ""
    return cookies[COOKIE].value if COOKIE in cookies else ""
