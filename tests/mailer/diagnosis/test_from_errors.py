"""Error objects: msal's dict, HTTP responses, SMTP replies, exceptions (real ones where possible)."""

from __future__ import annotations

import smtplib
import socket
import ssl
import subprocess
import sys
import threading

import exchangelib.errors
import pytest
import requests
import trustme

from mailer.diagnosis import from_exception, from_http, from_smtp, from_token_error
from mailer.diagnosis.rules.aadsts import AADSTS

RIGHT = ("full_access_as_app",)
NO_SCOPE = '2000008;reason="The token contains not enough scope to make this call.";error_category="invalid_grant"'
SCOPE = {"X-MS-Diagnostics": NO_SCOPE}
SCOPED = exchangelib.errors.MalformedResponseError(f"Unknown failure in response. Code: 403 headers: {SCOPE} content: ")
BARE = exchangelib.errors.MalformedResponseError("Unknown failure in response. Code: 403 headers: {} content: ")
REFUSED = exchangelib.errors.UnauthorizedError("Invalid credentials for https://x/EWS/Exchange.asmx")
EXPIRED_KEY = {
    "error": "invalid_client",
    "error_codes": [700027],
    "error_description": "AADSTS700027: [Reason - The key used is expired.]",
}
DISABLED = b"5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox."


@pytest.mark.parametrize("number", sorted(AADSTS))
def test_number_has_precedence_over_words(number: int) -> None:
    assert from_token_error({"error": "invalid_grant", "error_codes": [number]}) == AADSTS[number]


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        ({"error": "invalid_client", "error_description": "AADSTS7000222", "error_codes": [7000222]}, "secret_expired"),
        (EXPIRED_KEY, "certificate_expired"),
        ({"error": "invalid_grant", "suberror": "consent_required", "error_description": ""}, "consent_missing"),
        ({"error": "invalid_client"}, "secret_wrong"),
        ({"error": "invalid_client", "error_codes": [7999999]}, "other"),
        ({"error": "temporarily_unavailable"}, "transient"),
        ({"error": ["strange"], "error_codes": "7000222", "error_description": None}, "other"),
        ({}, "other"),
    ],
)  # fmt: skip
def test_msals_dict_is_read(error: dict[str, object], cause: str) -> None:
    assert from_token_error(error) == cause


DENIED = b'{"error":{"code":"ErrorAccessDenied","message":"Access is denied. Check credentials and try again."}}'


@pytest.mark.parametrize(
    ("status", "headers", "body", "service", "roles", "cause"),
    [
        (403, {}, b"", "ews", RIGHT, "ews_blocked"),
        (403, {}, b"", "ews", None, "ews_blocked"),
        (403, {}, b"", "ews", (), "role_missing"),
        (403, {}, b"", "ews", ("Mail.Send",), "role_missing"),
        (403, SCOPE, b"", "ews", None, "role_missing"),
        (401, {}, b"", "ews", RIGHT, "token_rejected"),
        (500, {}, b"<faultcode>a:ErrorServerBusy</faultcode>", "ews", RIGHT, "throttled"),
        (503, {"Retry-After": "30"}, b"", "ews", None, "transient"),
        (401, {}, b'{"error":{"code":"NoPermissionsInAccessToken"}}', "graph", None, "role_missing"),
        (401, {}, b'{"error":{"code":"InvalidAuthenticationToken"}}', "graph", ("Mail.Send",), "token_rejected"),
        (403, {}, DENIED, "graph", ("Mail.Send",), "mailbox_access_denied"),
        (403, {}, DENIED, "graph", None, "mailbox_access_denied"),
        (403, {}, DENIED, "graph", ("User.Read.All",), "role_missing"),
        (404, {}, b'{"error":{"code":"MailboxNotEnabledForRESTAPI"}}', "graph", None, "mailbox_not_found"),
        (404, {}, b"", "graph", None, "mailbox_not_found"),
        (413, {}, b"", "graph", None, "message_too_large"),
        (429, {}, b"", "graph", None, "throttled"),
        (500, {}, b"\xff\x00", "graph", None, "transient"),
        (418, {}, b"", "graph", None, "other"),
        (407, {}, b"", "token", None, "network"),
        (400, {}, b'{"error":"invalid_request","error_codes":[90002]}', "token", None, "tenant_not_found"),
        (502, {}, b"<html>Bad Gateway</html>", "token", None, "transient"),
    ],
)  # fmt: skip
def test_http_response_is_classified_by_status_headers_body_and_roles(
    status: int, headers: dict[str, str], body: bytes, service: str, roles: tuple[str, ...] | None, cause: str
) -> None:
    assert from_http(status, headers, body, service=service, roles=roles) == cause


@pytest.mark.parametrize(
    ("code", "reply", "cause"),
    [
        (535, b"5.7.3 Authentication unsuccessful", "token_rejected"),
        (535, DISABLED, "smtp_auth_disabled"),
        (550, "5.7.30 Basic authentication is not supported for Client Submission", "basic_auth_retired"),
        (550, "5.7.60 SMTP; Client does not have permissions to send as this sender", "send_as_denied"),
        (432, "4.3.2 Concurrent connections limit exceeded", "throttled"),
        (554, "5.2.252 SendAsDenied", "send_as_denied"),
        (552, "", "message_too_large"),
        (452, "", "sending_limit"),
        (550, "no", "recipient_rejected"),
        (421, "", "transient"),
        (250, "ok", "other"),
    ],
)  # fmt: skip
def test_smtp_replies_are_read_by_enhanced_code_then_words_then_code(code: int, reply: str | bytes, cause: str) -> None:
    assert from_smtp(code, reply) == cause


@pytest.mark.parametrize(
    ("error", "roles", "cause"),
    [
        (exchangelib.errors.ErrorNonExistentMailbox("x"), None, "mailbox_not_found"),
        (exchangelib.errors.ErrorSendAsDenied("x"), None, "send_as_denied"),
        (exchangelib.errors.ErrorImpersonateUserDenied("x"), None, "mailbox_access_denied"),
        (exchangelib.errors.ErrorServerBusy("x"), None, "throttled"),
        (exchangelib.errors.ErrorAccessDenied("x"), RIGHT, "mailbox_access_denied"),
        (exchangelib.errors.ErrorTimeoutExpired("Reraised from ReadTimeout(x)"), None, "network"),
        (exchangelib.errors.ErrorTimeoutExpired("The operation timed out"), None, "transient"),
        (exchangelib.errors.ErrorInternalServerError("x"), None, "transient"),
        (REFUSED, RIGHT, "token_rejected"),
        (REFUSED, (), "role_missing"),
        (BARE, RIGHT, "ews_blocked"),
        (BARE, (), "role_missing"),
        (SCOPED, None, "role_missing"),
        (exchangelib.errors.TransportError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed"), None, "tls"),
        (smtplib.SMTPAuthenticationError(535, b"5.7.3 Authentication unsuccessful"), None, "token_rejected"),
        (smtplib.SMTPRecipientsRefused({"a@b.c": (550, b"5.1.10 RecipientNotFound")}), None, "recipient_rejected"),
        (smtplib.SMTPServerDisconnected("Connection unexpectedly closed"), None, "network"),
        (socket.gaierror(-2, "Name or service not known"), None, "network"),
        (requests.exceptions.ProxyError("x"), None, "network"),
        (TimeoutError("timed out"), None, "network"),
        (ValueError("Unable to get authority configuration for https://x/y"), None, "tenant_not_found"),
        (KeyError("surprise"), None, "other"),
    ],
)  # fmt: skip
def test_exceptions_are_classified_by_their_attributes(
    error: BaseException, roles: tuple[str, ...] | None, cause: str
) -> None:
    assert from_exception(error, roles=roles) == cause


def test_cause_of_an_exception_is_classified_too() -> None:
    outer = RuntimeError("sending failed")
    outer.__cause__ = smtplib.SMTPDataError(554, b"5.2.252 SendAsDenied")
    assert from_exception(outer) == "send_as_denied"
    inner = ValueError("a")
    inner.__cause__ = inner
    assert from_exception(inner) == "other"


def test_closed_port_is_a_network_error() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(requests.exceptions.ConnectionError) as raised:
        requests.get(f"https://127.0.0.1:{port}/", timeout=5)
    assert from_exception(raised.value) == "network"
    with pytest.raises(OSError) as refused:
        smtplib.SMTP("127.0.0.1", port, timeout=5)
    assert from_exception(refused.value) == "network"


def test_untrusted_certificate_is_a_tls_error() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as server:
        answering = threading.Thread(target=_shake_hands, args=(server, context), daemon=True)
        answering.start()
        with pytest.raises(requests.exceptions.SSLError) as raised:
            requests.get(f"https://localhost:{server.getsockname()[1]}/", timeout=5)
        answering.join(5)
    assert from_exception(raised.value) == "tls"


def test_the_package_does_not_load_exchangelib() -> None:
    program = "import sys, mailer.diagnosis; sys.exit('exchangelib' in sys.modules or 'requests' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def _shake_hands(server: socket.socket, context: ssl.SSLContext) -> None:
    connection, _ = server.accept()
    with connection:
        try:
            context.wrap_socket(connection, server_side=True)
        except ssl.SSLError:
            return
