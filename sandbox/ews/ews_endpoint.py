"""Exchange Web Services: CreateItem of messages to send, for apps that impersonate a mailbox.

GetFolder is supported too, since clients look up the folder for the saved copy.

Source: Microsoft's EWS reference; errors of Exchange Online quoted in public issue threads.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from typing import Any

from sandbox.entra.tokens import Claims, TokenRefused, Tokens
from sandbox.ews import soap
from sandbox.ews.ntlm_basic_auth import Logins
from sandbox.ews.soap import NotSoap, SoapCall, SoapItem
from sandbox.faults import Fault, Faults
from sandbox.ledger import Ledger
from sandbox.server.http_server import Request, Response
from sandbox.state.directory import Directory
from sandbox.state.mail_facts import ledger_facts
from sandbox.state.models import EXCHANGE, SandboxMailbox

AUDIENCES = {
    EXCHANGE,
    f"{EXCHANGE}/",
    "https://outlook.office.com",
    "https://outlook.office.com/",
    "00000002-0000-0ff1-ce00-000000000000",
}
CHALLENGE = (
    'Bearer client_id="00000002-0000-0ff1-ce00-000000000000", '
    'trusted_issuers="00000001-0000-0000-c000-000000000000@*", '
    'token_types="app_asserted_user_v1 service_asserted_app_v1", '
    'authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"'
)
IMPERSONATED = re.compile(rb"<(?:\w+:)?(?:PrimarySmtpAddress|SmtpAddress|PrincipalName)>([^<]+)<")
TEXTS = {
    "ErrorAccessDenied": "Access is denied. Check credentials and try again.",
    "ErrorImpersonateUserDenied": "The account does not have permission to impersonate the requested user.",
    "ErrorInternalServerError": "An internal server error occurred. The operation failed.",
    "ErrorInternalServerTransientError": "An internal server error occurred. Try again later.",
    "ErrorInvalidRecipients": "At least one recipient is not valid.",
    "ErrorMailboxStoreUnavailable": "The mailbox database is temporarily unavailable.",
    "ErrorMessageSizeExceeded": "The message exceeds the maximum supported size.",
    "ErrorNonExistentMailbox": "The SMTP address has no mailbox associated with it.",
    "ErrorQuotaExceeded": "The message can't be sent or saved because the mailbox is over quota.",
    "ErrorSendAsDenied": "The user account which was used to submit this request does not have the right to send mail "
    "on behalf of the specified sending account.",
    "ErrorServerBusy": "The server cannot service this request right now. Try again later.",
}
IN_THE_RESPONSE = {"ErrorInvalidRecipients", "ErrorMessageSizeExceeded", "ErrorQuotaExceeded", "ErrorSendAsDenied"}
"""Codes returned in a response with HTTP 200; the others are SOAP faults with HTTP 500."""


@dataclass
class EwsRefusal(Exception):
    """An error of Exchange with its response."""

    response: Response
    code: str
    values: dict[str, str] = field(default_factory=dict)


class Ews:
    """The EWS endpoint of Exchange Online and of the server on premises."""

    def __init__(self, directory: Directory, tokens: Tokens, logins: Logins, faults: Faults, ledger: Ledger) -> None:
        self._directory = directory
        self._tokens = tokens
        self._logins = logins
        self._faults = faults
        self._ledger = ledger

    def online(self, request: Request) -> Response:
        """Exchange Online: a bearer token and impersonation."""
        return self._with_faults(request, lambda: self._serve(request, *self._admit(request)))

    def on_premises(self, request: Request) -> Response:
        """An Exchange server on premises: a Basic or NTLM login, with or without impersonation."""
        challenge = self._logins.check(request)
        if isinstance(challenge, Response):
            return challenge
        return self._with_faults(request, lambda: self._serve(request, *self._admit_login(request, challenge)))

    def _with_faults(self, request: Request, serve: Any) -> Response:
        anchor = request.headers.get("x-anchormailbox") or _impersonated(request.body)
        response = self._faults.apply("ews", anchor, lambda: self._answer(request, serve), _fault)
        response.headers.update({"request-id": str(uuid.uuid4()), "X-FEServer": "SANDBOX"})
        if client_request_id := request.headers.get("client-request-id"):
            response.headers["client-request-id"] = client_request_id
        return response

    def _answer(self, request: Request, serve: Any) -> Response:
        try:
            response: Response = serve()
        except EwsRefusal as refusal:
            self._refused(request, refusal.response.status, refusal.code)
            return refusal.response
        return response

    def _refused(self, request: Request, status: int, code: str) -> None:
        self._ledger.append(
            "refused",
            "ews",
            status=status,
            code=code,
            mailbox=request.headers.get("x-anchormailbox"),
            client_request_id=request.headers.get("client-request-id"),
        )

    # Authorization

    def _admit(self, request: Request) -> tuple[SoapCall, SandboxMailbox, dict[str, Any]]:
        if request.method != "POST":
            raise EwsRefusal(Response(405), "MethodNotAllowed")
        claims = self._claims(request)
        self._check_ews_is_on(claims)
        call = _read(request)
        if not call.impersonated:
            text = "ExchangeImpersonation SOAP header must be present for this type of OAuth token."
            raise _soap_refusal("ErrorAccessDenied", text)
        mailbox = self._directory.find_mailbox(call.impersonated, claims["tid"])
        if mailbox is None:
            raise _soap_refusal("ErrorNonExistentMailbox", values={"SmtpAddress": call.impersonated})
        if not mailbox.ews_enabled:
            raise EwsRefusal(Response(403), "EwsDisabled")
        scoped = self._directory.scoped_mailboxes(claims["appid"], claims["tid"], "full_access_as_app")
        if "full_access_as_app" not in claims.get("roles", []) and mailbox.address.lower() not in (scoped or []):
            raise _soap_refusal("ErrorImpersonateUserDenied")
        return call, mailbox, {"client_id": claims["appid"], "tenant": claims["tid"]}

    def _claims(self, request: Request) -> Claims:
        if not request.headers.get("authorization"):
            raise EwsRefusal(Response(401, headers={"WWW-Authenticate": CHALLENGE}), "Unauthorized")
        try:
            claims = self._tokens.read(request.headers["authorization"])
        except TokenRefused as refused:
            raise _unauthorized("2000001", f"{refused}", "invalid_token") from None
        if claims["aud"] not in AUDIENCES:
            text = f"The audience claim value is invalid '{claims['aud']}'."
            raise _unauthorized("2000003", text, "invalid_resource")
        roles = claims.get("roles", [])
        scoped = self._directory.scoped_mailboxes(claims["appid"], claims["tid"], "full_access_as_app")
        if "full_access_as_app" in roles or scoped is not None:
            return claims
        if roles:
            text = "The token contains not enough scope to make this call."
            raise _unauthorized("2000008", text, "invalid_grant", 403)
        text = "The token contains no permissions, or permissions can not be understood."
        raise _unauthorized("2000008", text, "invalid_grant")

    def _check_ews_is_on(self, claims: Claims) -> None:
        """Raises EwsRefusal (403 with an empty body) if EWS is disabled for the tenant or not allowed for the app."""
        tenant = self._directory.find_tenant(claims["tid"])
        listed = tenant and (tenant.ews_allowed_apps is None or claims["appid"] in tenant.ews_allowed_apps)
        if tenant is None or not tenant.ews_enabled or not listed:
            raise EwsRefusal(Response(403), "EwsBlocked")

    def _admit_login(self, request: Request, username: str) -> tuple[SoapCall, SandboxMailbox, dict[str, Any]]:
        call = _read(request)
        address = call.impersonated or request.headers.get("x-anchormailbox") or username
        mailbox = self._directory.find_mailbox(address)
        if mailbox is None:
            raise _soap_refusal("ErrorNonExistentMailbox", values={"SmtpAddress": address})
        return call, mailbox, {"login": username}

    # Operations

    def _serve(self, request: Request, call: SoapCall, mailbox: SandboxMailbox, who: dict[str, Any]) -> Response:
        if call.operation == "GetFolder" and call.folders:
            return _xml(soap.found_folders(call.folders))
        if call.operation != "CreateItem":
            raise _soap_refusal("ErrorInvalidRequest", f"The sandbox does not know the operation {call.operation}.")
        if call.disposition not in ("SendOnly", "SendAndSaveCopy") or not call.items:
            raise _soap_refusal("ErrorInvalidRequest", "The request is invalid: nothing to be sent.")
        outcomes = [self._send(request, item, call.disposition, mailbox, who) for item in call.items]
        return _xml(soap.created(outcomes))

    def _send(
        self, request: Request, item: SoapItem, disposition: str, mailbox: SandboxMailbox, who: dict[str, Any]
    ) -> tuple[str, str] | None:
        people = item.draft.recipients() or None
        mime = item.mime or item.draft.mime(mailbox.address)
        facts = ledger_facts(mime, mailbox.address, people)
        code = None
        if not facts["to"]:
            code = "ErrorInvalidRecipients"
        elif facts["from"].lower() not in {mailbox.address.lower(), *mailbox.send_as}:
            code = "ErrorSendAsDenied"
        if code:
            self._refused(request, 200, code)
            return code, TEXTS[code]
        self._ledger.append(
            "message",
            "ews",
            **facts,
            **who,
            disposition=disposition,
            client_request_id=request.headers.get("client-request-id"),
            user_agent=request.headers.get("user-agent"),
        )
        return None


def _impersonated(body: bytes) -> str | None:
    """The impersonated address, to match faults; found without parsing, since the body may be invalid XML."""
    found = IMPERSONATED.search(body)
    return found[1].decode("utf-8", "replace").strip() if found else None


def _read(request: Request) -> SoapCall:
    try:
        return soap.read_call(request.body)
    except NotSoap as error:
        raise _soap_refusal("ErrorSchemaValidation", str(error)) from None


def _xml(body: bytes, status: int = 200) -> Response:
    return Response(status, body, {"Content-Type": "text/xml; charset=utf-8"})


def _soap_refusal(code: str, text: str | None = None, values: dict[str, str] | None = None) -> EwsRefusal:
    return EwsRefusal(_xml(soap.fault(code, text or TEXTS[code], values), 500), code)


def _unauthorized(number: str, text: str, category: str, status: int = 401) -> EwsRefusal:
    headers = {"x-ms-diagnostics": f'{number};reason="{text}";error_category="{category}"'}
    if status == 401:
        headers["WWW-Authenticate"] = f'{CHALLENGE}, error="invalid_token"'
    return EwsRefusal(Response(status, headers=headers), category)


def _fault(fault: Fault) -> Response:
    status = fault.status or 500
    if fault.code is None and status != 500:
        return Response(status, headers={"WWW-Authenticate": CHALLENGE} if status == 401 else {})
    code = str(fault.code or "ErrorInternalServerError")
    text = TEXTS.get(code, "The request failed.")
    if code in IN_THE_RESPONSE:
        return _xml(soap.created([(code, text)]))
    wait = str(int(fault.headers.get("Retry-After", "10")) * 1000)
    return _xml(soap.fault(code, text, {"BackOffMilliseconds": wait} if code == "ErrorServerBusy" else None), status)
