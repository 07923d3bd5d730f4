"""EWS: the meaning of each error response, and whether the message can have been accepted."""

from __future__ import annotations

from time import monotonic

import pytest

from mailer.errors import Acceptance
from mailer.message import Message
from mailer.tokens import TokenSource
from mailer.transports.ews import EwsTransport
from tests.helpers.timeouts import IN_TIME
from tests.mailer.conftest import sender_of
from tests.mailer.https_server import Answer, HttpsServer, reply
from tests.mailer.transports.ews_client import issue_token, jwt_with, posted, send_error, warm_up
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


# Known pitfalls of exchangelib: the meaning of a response


@pytest.mark.parametrize(
    ("roles", "cause"),
    [(("full_access_as_app",), BLOCKED), (("Mail.Read",), "role_missing"), ((), "role_missing"), (None, BLOCKED)],
    ids=["with the role", "with another", "with none", "closed token"],
)
@pytest.mark.parametrize("headers", [{}, {"Connection": "close"}, {"connection": "Close"}], ids=["", "close", "Close"])
def test_empty_403_with_the_role_is_ews_blocked(
    transport: EwsTransport,
    server: HttpsServer,
    message: Message,
    roles: tuple[str, ...] | None,
    cause: str,
    headers: dict[str, str],
) -> None:
    """exchangelib would tell a 403 with `Connection: close` as a busy server."""
    if roles is not None:
        issue_token(server, jwt_with(*roles))
    failure = send_error(transport, message, server, reply(403, b"", **headers))
    assert (failure.cause, failure.outcome, failure.retry) == (cause, Acceptance.NOT_SENT, False)
    assert "403" in failure.technical


def test_403_with_diagnostics_is_a_missing_role(transport: EwsTransport, server: HttpsServer, message: Message) -> None:
    issue_token(server, jwt_with("full_access_as_app"))
    words = '2000008;reason="The token contains not enough scope to make this call.";error_category="invalid_grant"'
    failure = send_error(transport, message, server, reply(403, b"", X_MS_Diagnostics=words))
    assert failure.cause == "role_missing"
    assert "not enough scope" in failure.technical


def test_401_with_connection_close_is_not_a_busy_server(
    transport: EwsTransport, server: HttpsServer, message: Message
) -> None:
    issue_token(server, jwt_with("full_access_as_app"))
    assert send_error(transport, message, server, reply(401, b"", Connection="close")).cause == "token_rejected"


@pytest.mark.parametrize(
    "values",
    [{"BackOffMilliseconds": "25000"}, {"IdealBackoff": "1", "BackOffMilliseconds": " 25000 "}],
    ids=["alone", "behind another"],
)
def test_busy_exchange_has_a_retry_after(
    transport: EwsTransport, server: HttpsServer, message: Message, values: dict[str, str]
) -> None:
    failure = send_error(transport, message, server, said(fault("ErrorServerBusy", values=values), 500))
    assert (failure.cause, failure.outcome, failure.retry) == ("throttled", Acceptance.NOT_SENT, True)
    assert failure.retry_after == 25.0
    assert len(posted(server)) == 1


@pytest.mark.parametrize("value", ["soon", "-5", "", "²", "9" * 5000])
def test_invalid_back_off_is_ignored(
    transport: EwsTransport, server: HttpsServer, message: Message, value: str
) -> None:
    busy = fault("ErrorServerBusy", values={"BackOffMilliseconds": value})
    failure = send_error(transport, message, server, said(busy, 500))
    assert (failure.cause, failure.retry_after) == ("throttled", 86_400.0 if value.startswith("9") else None)


def test_503_has_a_retry_after_and_is_posted_once(
    transport: EwsTransport, server: HttpsServer, message: Message
) -> None:
    """FaultTolerance would sleep in the worker and post again."""
    begun = monotonic()
    failure = send_error(transport, message, server, reply(503, b"", Retry_After="30"))
    assert (failure.outcome, failure.retry, failure.retry_after) == (Acceptance.NOT_SENT, True, 30.0)
    assert len(posted(server)) == 1
    assert monotonic() - begun < IN_TIME


@pytest.mark.parametrize("code", ["ErrorExceededConnectionCount", "ErrorTooManyObjectsOpened", "ErrorServerBusy"])
def test_too_many_connections_is_posted_once_without_waiting(
    transport: EwsTransport, server: HttpsServer, message: Message, code: str
) -> None:
    """exchangelib makes its pool smaller, for whose lock it may wait for ever, and posts again."""
    warm_up(transport, server, message)
    before = len(posted(server))
    failure = send_error(transport, message, server, said(fault(code), 500))
    assert (failure.cause, failure.outcome) == ("throttled", Acceptance.NOT_SENT)
    assert len(posted(server)) == before + 1


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
def test_exchanges_refusal_is_classified_by_its_code(
    transport: EwsTransport, server: HttpsServer, message: Message, code: str, cause: str, where: str
) -> None:
    issue_token(server, jwt_with("full_access_as_app"))
    answer = said(fault(code), 500) if where == "fault" else said(created(code, "Error", text="No."))
    failure = send_error(transport, message, server, answer)
    assert (failure.cause, failure.outcome) == (cause, Acceptance.NOT_SENT)
    assert code in failure.technical
    assert len(posted(server)) == 1


@pytest.mark.parametrize("code", ["ErrorTimeoutExpired", "ErrorInternalServerError"])
def test_vague_error_is_doubtful(transport: EwsTransport, server: HttpsServer, message: Message, code: str) -> None:
    assert send_error(transport, message, server, said(fault(code), 500)).outcome == Acceptance.UNKNOWN


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
def test_unexpected_response_is_doubtful_but_http_refusal_is_not(
    transport: EwsTransport, server: HttpsServer, message: Message, answer: Answer, outcome: Acceptance
) -> None:
    failure = send_error(transport, message, server, answer)
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
def test_success_in_other_notation_is_accepted(
    transport: EwsTransport, server: HttpsServer, message: Message, answer: str
) -> None:
    server.routes["Exchange.asmx"] = said(answer)
    for _ in range(2):  # what the first answer says of the server must not spoil the second message
        transport.send(message, sender_of(server.cloud()))
    assert len(posted(server)) == 2
