"""Run a WSGI application in an ASGI server so that a slow client does not block a thread.

The server's event loop waits for clients: for headers, bodies (`request_body`) and readers (`response_sender`). A
thread is used from the complete request until the response is made, whether the client reads it or not. Only a very
long response, such as a large export, keeps its thread until most of it was read, and few may do so at once.

Header names with an underscore are dropped: WSGI could not tell `X_Forwarded_For` from `X-Forwarded-For`, and a proxy
replaces only the one that it knows. `Proxy` is dropped too (CVE-2016-5385).
"""

from __future__ import annotations

import asyncio
import contextvars
import io
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote_to_bytes

from alertadmin.supervisor.request_body import BodyBuffer, Disconnected, NoRoom, Receive, TooSlow
from alertadmin.supervisor.response_sender import ResponseSender, Send, Unread, Wsgi

THREADS = 8
"""More than usual machines have cores: a page may wait seconds for Microsoft."""
MOST_QUEUED = 256
"""Complete requests that wait for a thread; further ones get 503 with Retry-After."""
Scope = dict[str, Any]


class RequestRefused(Exception):
    """The request is answered with `status` and not passed to the application."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status)
        self.status = status


class WsgiBridge:
    def __init__(
        self,
        application: Wsgi,
        largest_body: Callable[[str], int],
        bodies: BodyBuffer | None = None,
        threads: int = THREADS,
    ) -> None:
        """`largest_body` returns the largest allowed body, in bytes, of a content type. A request that declares more is
        passed on without its body, and the application refuses it with its own page."""
        self._application = application
        self._largest_body = largest_body
        self._bodies = bodies or BodyBuffer()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="request")
        self._unread = Unread()
        self._queued = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            environ = environ_of(scope)
            length = _length_of(environ)
            with self._bodies.request() as body:
                if length and length <= self._largest_body(environ.get("CONTENT_TYPE", "")):
                    environ["wsgi.input"] = io.BytesIO(await self._bodies.read(body, receive, length))
                await self._answer(environ, send)
        except Disconnected:
            return
        except RequestRefused as refused:
            await _send_refusal(send, refused.status)
        except TooSlow:
            await _send_refusal(send, HTTPStatus.REQUEST_TIMEOUT)
        except NoRoom:
            await _send_refusal(send, HTTPStatus.SERVICE_UNAVAILABLE)

    async def _answer(self, environ: dict[str, Any], send: Send) -> None:
        if self._queued >= MOST_QUEUED:
            raise NoRoom
        loop = asyncio.get_running_loop()
        answer = ResponseSender(loop, self._unread, self._made, is_head=environ["REQUEST_METHOD"] == "HEAD")
        context = contextvars.copy_context()
        self._queued += 1
        # ResponseSender reports the end and a failure itself: a future of asyncio would wake the loop once more.
        self._pool.submit(context.run, answer.make, self._application, environ)
        await answer.send(send)

    def _made(self) -> None:
        self._queued -= 1


def environ_of(scope: Scope) -> dict[str, Any]:
    """Return the WSGI environment (PEP 3333). Raises RequestRefused."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": str((scope.get("server") or ("localhost", ""))[0]),
        "SERVER_PORT": str((scope.get("server") or ("", "80"))[1] or "80"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": str((scope.get("client") or ("",))[0]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if "_" in name or name == "proxy":
            continue
        key = name.replace("-", "_").upper()
        if name not in ("content-type", "content-length"):
            key = f"HTTP_{key}"
        if key not in environ:
            environ[key] = value
        elif name in ("host", "content-type", "content-length"):
            raise RequestRefused(HTTPStatus.BAD_REQUEST)  # a proxy may have used the other one
        else:
            environ[key] += (";" if name == "cookie" else ",") + value
    return environ


def _length_of(environ: dict[str, Any]) -> int:
    """Return the length of the body in bytes. Raises RequestRefused if the request declares none, or no number."""
    if "HTTP_TRANSFER_ENCODING" in environ:
        raise RequestRefused(HTTPStatus.LENGTH_REQUIRED)
    length = environ.get("CONTENT_LENGTH", "0") or "0"
    if not length.isascii() or not length.isdigit() or len(length) > 18:
        raise RequestRefused(HTTPStatus.BAD_REQUEST)
    return int(length)


async def _send_refusal(send: Send, status: HTTPStatus) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers.append((b"retry-after", b"5"))
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": f"{status} {status.phrase}\n".encode()})
