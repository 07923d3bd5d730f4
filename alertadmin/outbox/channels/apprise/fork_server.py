"""The process that has apprise loaded (see `client`), and its forks, two per request: one is confined by the kernel
(`confinement`) and runs the service's code, the other makes its connections (`connection_broker`).

A request is one line of JSON. Events are sent back on the same connection, one per line, immediately, so that the
progress of a fork that missed its deadline is known. When the client closes the connection, both forks exit.
"""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import socket
import threading
from typing import IO, Any

import requests

from alertadmin.outbox.channels.apprise import confinement, connection_broker
from alertadmin.outbox.channels.http_session import ChannelSession, failure_of, is_html_page, message_of, secret_parts
from mailer.http import deadline_sockets, outbound_proxy, wire_errors
from mailer.http.outbound_proxy import OutboundProxy
from mailer.http.ssrf_guard import EgressAllowlist

IDLE_TIMEOUT = 300.0
"""Seconds without a request after which the process exits."""


class Events:
    """Sends events immediately, from any thread."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def report(self, event: str, **details: Any) -> None:
        with self._lock:
            print(json.dumps({"event": event, **details}), file=self._stream, flush=True)


class RecordingSession(ChannelSession):
    """Replaces `requests.Session` for the services' code; options such as `verify` have no effect."""

    events: Events
    hidden: tuple[str, ...] = ()

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        self.events.report("begun")
        with wire_errors.redacting(*self.hidden):
            try:
                answer = super().send(request, **kwargs)
            except (requests.RequestException, OSError) as error:
                failure = failure_of(error)
                self.events.report(
                    "failed",
                    cause=failure.cause,
                    technical=failure.technical,
                    outcome=failure.outcome,
                    retry=failure.retry,
                    answer=failure.answer,
                )
                raise
            self.events.report("answered", **_details(answer))
        return answer


def _details(answer: requests.Response) -> dict[str, Any]:
    try:
        said = answer.json()
    except (ValueError, RecursionError):
        said = None
    return {
        "status": answer.status_code,
        "words": message_of(answer),
        "retry_after": answer.headers.get("Retry-After"),
        "says_no": _states_refusal(said),
        "is_page": is_html_page(answer),
    }


def _states_refusal(said: Any) -> bool:
    """Whether the JSON of a response states a refusal, with any status."""
    if not isinstance(said, dict):
        return False
    return (
        any(said.get(name) is False for name in ("ok", "success"))
        or any(said.get(name) for name in ("error", "errors", "errcode"))
        or said.get("status") in ("error", "fail", "failed")
    )


def serve(connection: socket.socket) -> None:
    """Serve one request in this fork, which makes the connections for another fork."""
    events = Events(connection.makefile("w", encoding="utf-8"))
    events.report("started")
    broker_end, client_end = socket.socketpair()
    orders, own = os.pipe()
    parent = os.getpid()
    if os.fork() == 0:  # before the order is read: the proxy's password in it never reaches the confined fork
        broker_end.close()
        os.close(own)
        confinement.end_with_parent(parent)
        with os.fdopen(orders, encoding="utf-8") as lines:
            order = json.loads(lines.readline())
        _run_service(order, EgressAllowlist.parse(order["allowed"]), events, client_end)
    else:
        client_end.close()
        os.close(orders)
        with connection.makefile("r", encoding="utf-8") as lines:
            order = json.loads(lines.readline())
        if proxy := order.pop("proxy"):
            outbound_proxy.use(OutboundProxy.parse(*proxy))
        with os.fdopen(own, "w", encoding="utf-8") as line:
            line.write(json.dumps(order) + "\n")
        threading.Thread(target=_exit_with_client, args=(connection,), daemon=True).start()
        connection_broker.serve(broker_end, EgressAllowlist.parse(order["allowed"]))


def _run_service(order: dict[str, Any], allowed: EgressAllowlist, events: Events, client_end: socket.socket) -> None:
    """Run the service's code, confined."""
    RecordingSession.events = events
    RecordingSession.hidden = secret_parts(order["url"])

    def refused() -> None:
        events.report("inside")

    deadline_sockets.set_dialer(connection_broker.ConnectionBroker(client_end, refused))
    confinement.confine(allowed, refused=refused)
    from alertadmin.outbox.channels.apprise import plugins, used_parts

    try:
        service = plugins.load(order["url"])
        notice = order.get("notice")
        if notice and plugins.kind_of(service) == "email":
            events.report("mail", server=plugins.mail_server_of(service))
        elif notice:
            text = plugins.fit(service, notice["text"])
            events.report("sending", messages=plugins.messages(service, text))
            with deadline_sockets.deadline(order["seconds"]):
                is_sent = plugins.send(service, notice["subject"], text)
            events.report("ended", sent=is_sent)
        else:
            events.report(
                "known",
                label=plugins.label_of(service),
                kind=plugins.kind_of(service),
                parts=used_parts.parts_of(service, order["url"]),
                dropped=used_parts.dropped(service, order["url"]),
                forms=used_parts.forms_of(type(service), order["url"]),
            )
    except plugins.UnusablePlugin as error:
        events.report("unusable", why=str(error), forms=error.forms)
    except Exception as error:
        events.report("broke", what=type(error).__name__)


def _exit_with_client(connection: socket.socket) -> None:
    connection.recv(1)
    os._exit(1)


def main() -> None:
    logging.disable(logging.CRITICAL)  # apprise writes addresses
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    requests.Session = requests.sessions.Session = RecordingSession  # type: ignore[misc]  # before apprise takes it by either name
    from alertadmin.outbox.channels.apprise import plugins

    plugins.load_all()
    deadline_sockets.tls_context(None, "https")  # shared by all forks: loading the certificates takes longest
    control = socket.socket(fileno=0)
    while select.select([control], [], [], IDLE_TIMEOUT)[0]:
        message, descriptors, _flags, _address = socket.recv_fds(control, 1, 1)
        if not message:
            return
        if os.fork() == 0:
            try:
                control.close()
                serve(socket.socket(fileno=descriptors[0]))
            finally:
                os._exit(0)  # does not wait for other threads
        os.close(descriptors[0])


if __name__ == "__main__":
    main()
