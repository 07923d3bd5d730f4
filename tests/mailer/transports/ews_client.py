"""Helpers for tests of EWS against a scripted server."""

from __future__ import annotations

import base64
import threading

from mailer.errors import SendError
from mailer.message import Message
from mailer.transports.ews import EwsTransport
from tests.mailer.conftest import failing, sender_of
from tests.mailer.https_server import Answer, HttpsServer, Request, in_turn, reply
from tests.mailer.transports.soap import created, said


def posted(server: HttpsServer) -> list[Request]:
    return server.came("Exchange.asmx")


def jwt_with(*roles: str) -> str:
    listed = ", ".join(f'"{role}"' for role in roles)
    payload = base64.urlsafe_b64encode(f'{{"roles": [{listed}]}}'.encode()).decode().rstrip("=")
    return f"eyJhbGciOiJub25lIn0.{payload}.x"


def issue_token(server: HttpsServer, token: str) -> None:
    server.routes["/token"] = reply(200, {"expires_in": 3599, "access_token": token})


def send_error(transport: EwsTransport, message: Message, server: HttpsServer, *answers: Answer) -> SendError:
    server.routes["Exchange.asmx"] = in_turn(*answers)
    return failing(transport, message, sender_of(server.cloud()))


def warm_up(transport: EwsTransport, server: HttpsServer, message: Message, connections: int = 3) -> None:
    """Makes the line have several connections."""
    together = threading.Barrier(connections)

    def takes_them_together(request: Request) -> bytes:
        together.wait(5)
        return said(created())(request)

    server.routes["Exchange.asmx"] = takes_them_together
    sender = sender_of(server.cloud())
    threads = [threading.Thread(target=transport.send, args=(message, sender)) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
