"""EWS: every trap of exchangelib 5.6 that is known, and whether the message can have been taken."""

from __future__ import annotations

import base64
import logging
import threading
from contextlib import ExitStack
from dataclasses import replace
from time import monotonic
from typing import Literal
from xml.etree import ElementTree

import pytest
from exchangelib.protocol import Protocol

from mailer.errors import Acceptance, SendError
from mailer.message import Message
from mailer.tokens import TokenSource
from mailer.transports import ews
from mailer.transports.ews import EwsTransport
from sandbox import Sandbox
from tests.helpers.timeouts import IN_TIME
from tests.mailer.certificate_authorities import Authorities
from tests.mailer.conftest import SECRET, Arrived, Customer, addressed, failing, sender_of
from tests.mailer.https_server import Answer, HttpsServer, Request, in_turn, reply
from tests.mailer.transports.soap import TYPES, created, fault, other_prefixes, said

BLOCKED = "ews_blocked"


@pytest.fixture
def transport(tokens: TokenSource) -> EwsTransport:
    return EwsTransport(tokens, timeout=20)


@pytest.fixture
def server(other: HttpsServer) -> HttpsServer:
    """Another Exchange Online, which takes everything."""
    other.routes["Exchange.asmx"] = said(created())
    return other


def posted(server: HttpsServer) -> list[Request]:
    return server.came("Exchange.asmx")


def jwt_with(*roles: str) -> str:
    listed = ", ".join(f'"{role}"' for role in roles)
    payload = base64.urlsafe_b64encode(f'{{"roles": [{listed}]}}'.encode()).decode().rstrip("=")
    return f"eyJhbGciOiJub25lIn0.{payload}.x"


def shows(server: HttpsServer, token: str) -> None:
    server.routes["/token"] = reply(200, {"expires_in": 3599, "access_token": token})


def refused(transport: EwsTransport, message: Message, server: HttpsServer, *answers: Answer) -> SendError:
    server.routes["Exchange.asmx"] = in_turn(*answers)
    return failing(transport, message, sender_of(server.cloud()))


# What arrives


def test_a_message_arrives_as_it_was_written(
    transport: EwsTransport, customer: Customer, message: Message, arrived: Arrived
) -> None:
    steps: list[tuple[str, str]] = []
    receipt = transport.send(message, customer.sender, on_step=lambda *step: steps.append(step))
    (taken,) = arrived(message)
    assert taken["mime"].encode() == message.as_bytes(customer.mailbox.address)
    assert (taken["disposition"], taken["user_agent"]) == ("SendOnly", "alertadmin")
    assert receipt.answer == "NoError"
    assert receipt.request_ids["client-request-id"] == taken["client_request_id"]
    assert "request-id" in receipt.request_ids
    assert [step for step, _ in steps] == ["tenant", "token", "permission"]


def test_a_message_is_exactly_one_request(transport: EwsTransport, server: HttpsServer, message: Message) -> None:
    """No autodiscover, no look-up of Sent Items, no guess of the version."""
    transport.send(message, sender_of(server.cloud()))
    assert [request.path.rsplit("/", 1)[-1] for request in server.requests] == [
        "openid-configuration",
        "token",
        "Exchange.asmx",
    ]


def test_the_second_message_is_one_request_in_all(
    transport: EwsTransport, server: HttpsServer, message: Message
) -> None:
    for _ in range(2):
        transport.send(message, sender_of(server.cloud()))
    assert len(server.requests) == 4


def test_the_mailbox_is_impersonated_and_named_for_routing(
    transport: EwsTransport, server: HttpsServer, message: Message
) -> None:
    transport.send(message, sender_of(server.cloud()))
    (request,) = posted(server)
    envelope = ElementTree.fromstring(request.body)
    acted_for = envelope.find(
        f".//{{{TYPES}}}ExchangeImpersonation/{{{TYPES}}}ConnectingSID/{{{TYPES}}}PrimarySmtpAddress"
    )
    assert acted_for is not None
    assert acted_for.text == "alarms@customer.example"
    assert request.headers["x-anchormailbox"] == "alarms@customer.example"
    assert request.headers["authorization"] == "Bearer opaque-7f3a"


def test_a_mailbox_of_an_international_domain_is_impersonated_by_its_ascii_form(
    transport: EwsTransport, server: HttpsServer, message: Message
) -> None:
    transport.send(message, replace(sender_of(server.cloud()), address="alarms@straße.example"))
    (request,) = posted(server)
    assert b">alarms@xn--strae-oqa.example<" in request.body
    assert request.headers["x-anchormailbox"] == "alarms@xn--strae-oqa.example"


def test_a_message_that_cannot_be_written_is_a_failure_and_nothing_is_asked(
    transport: EwsTransport, server: HttpsServer, message: Message
) -> None:
    failure = failing(transport, addressed(message, "a@x.example, b@y.example"), sender_of(server.cloud()))
    assert (failure.cause, failure.outcome) == ("recipient_rejected", Acceptance.NOT_SENT)
    assert server.requests == []


# Traps of exchangelib: tokens


def test_its_token_endpoint_is_never_asked_because_the_token_is_ours(
    transport: EwsTransport, server: HttpsServer, message: Message
) -> None:
    """exchangelib would ask login.microsoftonline.com, whatever the cloud, for outlook.office365.com."""
    transport.send(message, sender_of(server.cloud(exchange_resource="https://partner.outlook.cn")))
    (asked,) = server.came("/token")
    assert asked.form["scope"] == "https://partner.outlook.cn/.default"
    assert asked.form["client_secret"] == SECRET


@pytest.mark.parametrize("expires_in", [0, -5, 1])
def test_a_token_that_has_ended_does_not_send_it_round_in_circles(
    transport: EwsTransport, server: HttpsServer, message: Message, expires_in: int
) -> None:
    server.routes["/token"] = reply(200, {"expires_in": expires_in, "access_token": "opaque-7f3a"})
    begun = monotonic()
    failure = refused(transport, message, server, reply(401))
    assert failure.cause == "token_rejected"
    assert len(posted(server)) == 1
    assert monotonic() - begun < IN_TIME


def test_a_kept_token_that_is_refused_is_renewed_once(
    transport: EwsTransport, server: HttpsServer, message: Message
) -> None:
    transport.send(message, sender_of(server.cloud()))
    shows(server, "opaque-fresh")
    server.routes["Exchange.asmx"] = in_turn(reply(401), said(created()))
    transport.send(message, sender_of(server.cloud()))
    assert [request.headers["authorization"] for request in posted(server)] == [
        "Bearer opaque-7f3a",
        "Bearer opaque-7f3a",
        "Bearer opaque-fresh",
    ]


def test_a_new_token_takes_the_place_of_the_old_one_and_its_connection(
    transport: EwsTransport, server: HttpsServer, message: Message
) -> None:
    sender = sender_of(server.cloud())
    assert sender.app is not None
    for number in range(5):
        shows(server, f"opaque-{number}")
        transport.send(message, sender)
        transport.tokens.forget(sender.app, sender.app.cloud.exchange_scope)
    assert [request.headers["authorization"] for request in posted(server)] == [f"Bearer opaque-{n}" for n in range(5)]
    assert len(transport._sessions) == len(transport._accounts) == 1


def test_its_cache_of_protocols_does_not_grow(transport: EwsTransport, server: HttpsServer, message: Message) -> None:
    before = len(Protocol._protocol_cache)
    for number in range(5):
        shows(server, f"opaque-{number}")
        sender = sender_of(server.cloud())
        assert sender.app is not None
        transport.send(message, replace(sender, app=replace(sender.app, client_id=str(number))))
    assert len(Protocol._protocol_cache) == before


def test_what_is_kept_here_is_bounded_too(
    transport: EwsTransport, server: HttpsServer, message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ews, "MAX_SESSIONS", 2)
    monkeypatch.setattr(ews, "MAX_ACCOUNTS", 3)
    sender = sender_of(server.cloud())
    assert sender.app is not None
    for number in range(4):
        of_app = replace(sender, app=replace(sender.app, client_id=str(number)))
        for mailbox in ("a@customer.example", "b@customer.example"):
            transport.send(message, replace(of_app, address=mailbox))
    assert (len(transport._sessions), len(transport._accounts)) == (2, 3)
    assert {key[0] for key in transport._accounts} == {id(line) for _, line in transport._sessions.values()}


# Traps of exchangelib: what an answer means


@pytest.mark.parametrize(
    ("roles", "cause"),
    [(("full_access_as_app",), BLOCKED), (("Mail.Read",), "role_missing"), ((), "role_missing"), (None, BLOCKED)],
    ids=["with the role", "with another", "with none", "closed token"],
)
@pytest.mark.parametrize("headers", [{}, {"Connection": "close"}, {"connection": "Close"}], ids=["", "close", "Close"])
def test_a_403_without_a_word_is_ews_switched_off_if_the_token_holds_the_role(
    transport: EwsTransport,
    server: HttpsServer,
    message: Message,
    roles: tuple[str, ...] | None,
    cause: str,
    headers: dict[str, str],
) -> None:
    """exchangelib would tell a 403 with `Connection: close` as a busy server."""
    if roles is not None:
        shows(server, jwt_with(*roles))
    failure = refused(transport, message, server, reply(403, b"", **headers))
    assert (failure.cause, failure.outcome, failure.retry) == (cause, Acceptance.NOT_SENT, False)
    assert "403" in failure.technical


def test_a_403_may_say_that_the_token_holds_not_enough(
    transport: EwsTransport, server: HttpsServer, message: Message
) -> None:
    shows(server, jwt_with("full_access_as_app"))
    words = '2000008;reason="The token contains not enough scope to make this call.";error_category="invalid_grant"'
    failure = refused(transport, message, server, reply(403, b"", X_MS_Diagnostics=words))
    assert failure.cause == "role_missing"
    assert "not enough scope" in failure.technical


def test_a_401_with_connection_close_is_no_busy_server(
    transport: EwsTransport, server: HttpsServer, message: Message
) -> None:
    shows(server, jwt_with("full_access_as_app"))
    assert refused(transport, message, server, reply(401, b"", Connection="close")).cause == "token_rejected"


@pytest.mark.parametrize(
    "values",
    [{"BackOffMilliseconds": "25000"}, {"IdealBackoff": "1", "BackOffMilliseconds": " 25000 "}],
    ids=["alone", "behind another"],
)
def test_a_busy_exchange_says_for_how_long(
    transport: EwsTransport, server: HttpsServer, message: Message, values: dict[str, str]
) -> None:
    failure = refused(transport, message, server, said(fault("ErrorServerBusy", values=values), 500))
    assert (failure.cause, failure.outcome, failure.retry) == ("throttled", Acceptance.NOT_SENT, True)
    assert failure.retry_after == 25.0
    assert len(posted(server)) == 1


@pytest.mark.parametrize("value", ["soon", "-5", "", "²", "9" * 5000])
def test_a_wait_that_cannot_be_read_or_is_endless_does_no_harm(
    transport: EwsTransport, server: HttpsServer, message: Message, value: str
) -> None:
    busy = fault("ErrorServerBusy", values={"BackOffMilliseconds": value})
    failure = refused(transport, message, server, said(busy, 500))
    assert (failure.cause, failure.retry_after) == ("throttled", 86_400.0 if value.startswith("9") else None)


def test_a_503_tells_when_to_come_back_and_is_posted_once(
    transport: EwsTransport, server: HttpsServer, message: Message
) -> None:
    """FaultTolerance would sleep in the worker and post again."""
    begun = monotonic()
    failure = refused(transport, message, server, reply(503, b"", Retry_After="30"))
    assert (failure.outcome, failure.retry, failure.retry_after) == (Acceptance.NOT_SENT, True, 30.0)
    assert len(posted(server)) == 1
    assert monotonic() - begun < IN_TIME


@pytest.mark.parametrize("code", ["ErrorExceededConnectionCount", "ErrorTooManyObjectsOpened", "ErrorServerBusy"])
def test_too_many_connections_are_not_posted_again_nor_waited_for(
    transport: EwsTransport, server: HttpsServer, message: Message, code: str
) -> None:
    """exchangelib makes its pool smaller, for whose lock it may wait for ever, and posts again."""
    warm_up(transport, server, message)
    before = len(posted(server))
    failure = refused(transport, message, server, said(fault(code), 500))
    assert (failure.cause, failure.outcome) == ("throttled", Acceptance.NOT_SENT)
    assert len(posted(server)) == before + 1


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


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("ErrorNonExistentMailbox", "mailbox_not_found"),
        ("ErrorImpersonateUserDenied", "mailbox_access_denied"),
        ("ErrorSendAsDenied", "send_as_denied"),
        ("ErrorAccessDenied", "mailbox_access_denied"),
        ("ErrorMessageSizeExceeded", "message_too_large"),
        ("ErrorInvalidRecipients", "recipient_rejected"),
        ("ErrorQuotaExceeded", "sending_limit"),
        ("ErrorMailboxStoreUnavailable", "transient"),
        ("ErrorInternalServerTransientError", "transient"),
        ("ErrorInvalidServerVersion", "other"),
        ("ErrorInvalidSchemaVersionForMailboxVersion", "other"),
        ("ErrorSchemaValidation", "other"),
        ("ErrorOfTomorrow", "other"),
    ],
)
@pytest.mark.parametrize("where", ["fault", "answer"])
def test_what_exchange_refuses_is_told_by_its_code_and_was_not_sent(
    transport: EwsTransport, server: HttpsServer, message: Message, code: str, cause: str, where: str
) -> None:
    shows(server, jwt_with("full_access_as_app"))
    answer = said(fault(code), 500) if where == "fault" else said(created(code, "Error", text="No."))
    failure = refused(transport, message, server, answer)
    assert (failure.cause, failure.outcome) == (cause, Acceptance.NOT_SENT)
    assert code in failure.technical
    assert len(posted(server)) == 1


@pytest.mark.parametrize("code", ["ErrorTimeoutExpired", "ErrorInternalServerError"])
def test_that_exchange_gave_up_or_failed_somewhere_is_a_doubt(
    transport: EwsTransport, server: HttpsServer, message: Message, code: str
) -> None:
    assert refused(transport, message, server, said(fault(code), 500)).outcome == Acceptance.UNKNOWN


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (reply(500, "<html>Server Error in '/EWS' Application.</html>"), Acceptance.UNKNOWN),
        (reply(500), Acceptance.UNKNOWN),
        (reply(502, "<html>Bad Gateway</html>"), Acceptance.UNKNOWN),
        (reply(504), Acceptance.UNKNOWN),
        (reply(200), Acceptance.UNKNOWN),
        (reply(200, "<html>Sign in</html>"), Acceptance.UNKNOWN),
        (said(created().partition("<m:ResponseCode>")[0]), Acceptance.UNKNOWN),
        (said(created().replace("CreateItemResponse", "SomethingElse")), Acceptance.UNKNOWN),
        (said(created().replace("CreateItemResponseMessage", "Other")), Acceptance.UNKNOWN),
        (said(created("ErrorMailboxMoveInProgress", "Warning")), Acceptance.UNKNOWN),
        (said(created("")), Acceptance.UNKNOWN),
        (reply(404, "<html>"), Acceptance.NOT_SENT),
        (reply(302, b"", location="https://localhost/owa"), Acceptance.UNKNOWN),
        (reply(440, b"Login Timeout"), Acceptance.NOT_SENT),
        (reply(413), Acceptance.NOT_SENT),
    ],
)  # fmt: skip
def test_what_nobody_understands_after_a_request_is_a_doubt_but_a_refusing_door_is_none(
    transport: EwsTransport, server: HttpsServer, message: Message, answer: Answer, outcome: Acceptance
) -> None:
    failure = refused(transport, message, server, answer)
    assert failure.outcome == outcome
    assert len(posted(server)) == 1
    assert "\n" not in failure.technical


@pytest.mark.parametrize(
    "answer",
    [
        other_prefixes(created()),
        created(declared=""),
        other_prefixes(created(declared="")),
        "\ufeff" + created(),
        created(items=""),
        created(items="<m:Items><t:Message><t:ItemId Id='AQ=' ChangeKey='A='/></t:Message></m:Items>"),
        created(header=""),
        created(header="<x/>"),
        created(header=f'<h:ServerVersionInfo xmlns:h="{TYPES}" MajorVersion="99" MinorVersion="x"/>'),
        created(header=f'<h:ServerVersionInfo xmlns:h="{TYPES}" MajorVersion="15" MinorVersion="2" '
                'MajorBuildNumber="1" MinorBuildNumber="1" Version="Exchange2016"/>'),
        created(code=" NoError "),
    ],
)  # fmt: skip
def test_a_yes_may_look_otherwise(transport: EwsTransport, server: HttpsServer, message: Message, answer: str) -> None:
    server.routes["Exchange.asmx"] = said(answer)
    for _ in range(2):  # what the first answer says of the server must not spoil the second message
        transport.send(message, sender_of(server.cloud()))
    assert len(posted(server)) == 2


# The line


@pytest.mark.parametrize(("reset", "count"), [("before", 0), ("after", 1)])
def test_a_line_that_is_cut_leaves_a_doubt_either_way(
    transport: EwsTransport,
    customer: Customer,
    sandbox: Sandbox,
    message: Message,
    arrived: Arrived,
    reset: Literal["before", "after"],
    count: int,
) -> None:
    sandbox.faults.add(door="ews", reset=reset, mailbox=customer.mailbox.address)
    failure = failing(transport, message, customer.sender)
    assert (failure.cause, failure.outcome) == ("network", Acceptance.UNKNOWN)
    assert len(arrived(message)) == count


def test_a_lost_answer_is_a_doubt_also_on_a_line_of_several_connections(
    transport: EwsTransport, server: HttpsServer, message: Message
) -> None:
    """exchangelib would tell it as a busy server, which has surely taken nothing: the message would be sent twice."""
    warm_up(transport, server, message)
    before = len(posted(server))

    def cuts(request: Request) -> bytes:
        request.peer.shut()
        return b""

    failure = refused(transport, message, server, cuts)
    assert (failure.cause, failure.outcome) == ("network", Acceptance.UNKNOWN)
    assert len(posted(server)) == before + 1


@pytest.mark.parametrize("drip", [False, True])
def test_a_server_that_never_answers_is_left_in_time(
    tokens: TokenSource, server: HttpsServer, message: Message, drip: bool
) -> None:
    def never(request: Request) -> bytes:
        request.peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n<")
        while not server.closing.wait(0.02 if drip else 30):
            request.peer.send(b" ")
        return b""

    begun = monotonic()
    failure = refused(EwsTransport(tokens, timeout=1.5), message, server, never)
    assert (failure.cause, failure.outcome) == ("network", Acceptance.UNKNOWN)
    assert monotonic() - begun < IN_TIME


def test_a_closed_port_has_taken_nothing(transport: EwsTransport, server: HttpsServer, message: Message) -> None:
    failure = failing(transport, message, sender_of(server.cloud(ews="https://localhost:1/EWS/Exchange.asmx")))
    assert (failure.cause, failure.outcome, failure.retry) == ("network", Acceptance.NOT_SENT, True)


@pytest.mark.control(47)
@pytest.mark.parametrize("wrong", ["stranger", "expired", "other_host"])
def test_a_token_is_shown_to_nobody_whose_certificate_is_wrong(
    transport: EwsTransport,
    server: HttpsServer,
    authorities: Authorities,
    stack: ExitStack,
    message: Message,
    wrong: str,
) -> None:
    door = stack.enter_context(HttpsServer(getattr(authorities, wrong), authorities.ca_file))
    failure = failing(transport, message, sender_of(server.cloud(ews=f"{door.url}/EWS/Exchange.asmx")))
    assert (failure.cause, failure.outcome) == ("tls", Acceptance.NOT_SENT)
    assert door.requests == []


def test_an_authority_is_trusted_by_its_own_cloud_alone(
    transport: EwsTransport, server: HttpsServer, message: Message
) -> None:
    """exchangelib knows one adapter for the whole process."""
    transport.send(message, sender_of(server.cloud()))  # and its token is kept
    failure = failing(transport, message, sender_of(server.cloud(ca_file=None)))
    assert (failure.cause, failure.outcome) == ("tls", Acceptance.NOT_SENT)
    transport.send(message, sender_of(server.cloud()))
    assert len(posted(server)) == 2


def test_bundles_and_proxies_of_the_environment_have_no_say(
    transport: EwsTransport, server: HttpsServer, message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nothing.pem")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    transport.send(message, sender_of(server.cloud()))
    assert len(posted(server)) == 1


def test_an_address_without_tls_is_refused(transport: EwsTransport, server: HttpsServer, message: Message) -> None:
    failure = failing(transport, message, sender_of(server.cloud(ews=server.url.replace("https", "http"))))
    assert (failure.cause, failure.outcome) == ("tls", Acceptance.NOT_SENT)
    assert server.requests == []


# Secrets


@pytest.mark.control(58)
def test_what_a_server_repeats_of_token_and_secret_is_hidden(
    transport: EwsTransport, server: HttpsServer, message: Message
) -> None:
    words = f"You sent opaque-7f3a and {SECRET}"
    for answer in (
        said(fault("ErrorInvalidRequest", words), 500),
        said(created("ErrorInvalidRequest", "Error", text=words)),
        reply(403, b"", X_MS_Diagnostics=words),
    ):
        failure = refused(transport, message, server, answer)
        assert "opaque-7f3a" not in str(failure)
        assert SECRET not in str(failure)


@pytest.mark.control(3)
def test_no_log_at_debug_shows_token_or_secret(
    transport: EwsTransport, customer: Customer, message: Message, caplog: pytest.LogCaptureFixture
) -> None:
    """exchangelib logs all headers at DEBUG, requests-oauthlib the token itself."""
    with caplog.at_level(logging.DEBUG):
        transport.send(message, customer.sender)
    token = transport.tokens.token(customer.identity, customer.cloud.exchange_scope)
    assert "exchangelib" in {record.name.partition(".")[0] for record in caplog.records}
    assert token.value not in caplog.text
    assert str(customer.secret.value) not in caplog.text


# Cost


def test_the_mailboxes_of_an_app_share_a_connection(
    transport: EwsTransport, server: HttpsServer, message: Message
) -> None:
    for number in range(10):
        transport.send(message, replace(sender_of(server.cloud()), address=f"{number}@customer.example"))
    assert {request.headers["x-anchormailbox"] for request in posted(server)} == {
        f"{number}@customer.example" for number in range(10)
    }
    assert server.connections == 2  # one to the token endpoint, one to Exchange


def test_threads_send_at_once_by_one_transport(
    transport: EwsTransport, customer: Customer, message: Message, arrived: Arrived
) -> None:
    failures: list[BaseException] = []

    def send() -> None:
        try:
            for _ in range(5):
                transport.send(message, customer.sender)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(arrived(message)) == 20
