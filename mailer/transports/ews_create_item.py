"""One CreateItem by exactly one request through exchangelib, with the response passed on unchanged.

Without these subclasses exchangelib 5.6 posts again after a busy server or a broken connection
(`EWSService._get_elements`), reports a lost response as a busy server if it has more than one connection (also any
response with `Connection: close`), can wait forever for its pool's lock when it shrinks the pool, caches every
protocol, and has one set of authorities for the whole process. Each class below disables one of these.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any

import exchangelib
import requests
from exchangelib.credentials import OAuth2AuthorizationCodeCredentials
from exchangelib.errors import (
    ErrorIncorrectSchemaVersion,
    ErrorInvalidRequest,
    ErrorInvalidSchemaVersionForMailboxVersion,
    ErrorInvalidServerVersion,
    UnauthorizedError,
)
from exchangelib.items import SEND_ONLY, SEND_TO_NONE
from exchangelib.protocol import CachingProtocol, Protocol
from exchangelib.services import CreateItem
from lxml import etree
from requests.auth import HTTPBasicAuth
from requests_ntlm.requests_ntlm import HttpNtlmAuth, _get_certificate_hash

from mailer.errors import Answer
from mailer.http import http_session

TYPES = "{http://schemas.microsoft.com/exchange/services/2006/types}"
MESSAGES = "{http://schemas.microsoft.com/exchange/services/2006/messages}"
SOAP = "{http://schemas.xmlsoap.org/soap/envelope/}"
_ENVELOPE = re.compile(rb"<(?:[\w.-]+:)?Envelope[\s>]")
"""A SOAP envelope with any prefix, with or without an XML declaration."""
_DECLARATION = re.compile(rb"<!(?:DOCTYPE|ENTITY)")
"""Declarations used for XML bombs. SOAP 1.1, 3: "A SOAP message MUST NOT contain a Document Type Declaration"."""
VERSION_ERRORS = (
    ErrorInvalidServerVersion,
    ErrorIncorrectSchemaVersion,
    ErrorInvalidSchemaVersionForMailboxVersion,
)
MAX_CONNECTIONS = 64
"""The maximum; opened on demand. exchangelib would wait for a free one without a timeout."""


class NotSoapResponse(Exception):
    """The HTTP response is not SOAP; `response` has it."""

    def __init__(self, response: requests.Response) -> None:
        super().__init__(f"HTTP {response.status_code}")
        self.response = response


class EwsRequestRefused(Exception):
    """Exchange refused the request in every version."""


class UnexpectedSoap(Exception):
    """A SOAP response that Exchange does not document for one message: several results, a warning (documented as not
    processed), or success with HTTP 500."""

    proves = Answer.FOREIGN


class BearerToken(OAuth2AuthorizationCodeCredentials):  # type: ignore[misc]
    """Credentials with msal's token. Its expiry is not set, since exchangelib would try to renew the token in a loop;
    the server reports an expired one."""

    def __init__(self, token: str) -> None:
        super().__init__(access_token={"access_token": token, "token_type": "Bearer"})

    def refresh(self, session: Any) -> None:
        raise UnauthorizedError("the token ended")


class NtlmAuth(HttpNtlmAuth):
    """NTLM with channel binding to the server's certificate. requests_ntlm reads it from the socket of an unread
    response; ours are read already, so the adapter stores the certificate."""

    def _get_server_cert(self, response: requests.Response) -> bytes | None:
        certificate = getattr(response.raw, "certificate", None)
        return _get_certificate_hash(certificate) if certificate else None


class _PassThroughPolicy(exchangelib.FailFast):  # type: ignore[misc]
    """Passes SOAP on, and raises NotSoapResponse with any other response."""

    def raise_response_errors(self, response: requests.Response) -> None:
        is_soap = _ENVELOPE.search(response.content[:2000]) and not _DECLARATION.search(response.content)
        if response.status_code not in (200, 500) or http_session.body_flaw(response) or not is_soap:
            raise NotSoapResponse(response)


class _UncachedProtocol(CachingProtocol):  # type: ignore[misc]
    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return type.__call__(cls, *args, **kwargs)


class EwsSession(Protocol, metaclass=_UncachedProtocol):  # type: ignore[misc]
    """The connections to one EWS service with one credential, shared by its mailboxes. `ca_file` has the only trusted
    authorities."""

    def __init__(self, endpoint: str, credentials: Any, auth_type: str, build: Any, ca_file: str | None) -> None:
        super().__init__(
            config=exchangelib.Configuration(
                service_endpoint=endpoint,
                credentials=credentials,
                auth_type=auth_type,
                version=exchangelib.Version(build),
                retry_policy=_PassThroughPolicy(),
                max_connections=MAX_CONNECTIONS,
            )
        )
        self.ca_file = ca_file

    def create_session(self) -> Any:
        session = super().create_session()
        session.trust_env = False
        session.headers.update({"User-Agent": http_session.USER_AGENT, "Accept-Encoding": "identity"})
        session.adapters.clear()
        # One connection for each session, since NTLM authenticates a connection.
        session.mount("https://", http_session.Adapter(self.ca_file, connections=1))
        if self.auth_type == exchangelib.BASIC:
            # UTF-8 (RFC 7617): requests would encode as Latin-1 and raise for other characters.
            session.auth = HTTPBasicAuth(self.credentials.username.encode(), self.credentials.password.encode())
        elif self.auth_type == exchangelib.NTLM:
            session.auth = NtlmAuth(session.auth.username, session.auth.password)
        return session


class EwsAccount(exchangelib.Account):  # type: ignore[misc]
    """A mailbox that uses a session."""

    def __init__(self, address: str, session: EwsSession, access_type: str) -> None:
        super().__init__(
            address,
            config=session.config,
            access_type=access_type,
            default_timezone=exchangelib.EWSTimeZone("UTC"),
            locale="en_US",
        )
        # Remove the protocol that exchangelib created and cached for the account.
        Protocol._protocol_cache.pop(CachingProtocol._cache_key(session.config), None)
        self.protocol = session


class SendOnce(CreateItem):  # type: ignore[misc]
    """Sends one message by one request. Afterwards `ids` has the request's ids, `wait` the Retry-After header;
    `answered` says whether SOAP came back, and `refused` whether it is Exchange's refusal."""

    def __init__(self, account: EwsAccount, *, any_version: bool) -> None:
        super().__init__(account=account)
        self.any_version = any_version
        self.ids = {"client-request-id": str(uuid.uuid4())}
        self.retry_after: str | None = None
        self.back_off: float | None = None
        self.answered = False
        self.refused = False
        self.status = 0

    def send(self, mime: bytes) -> None:
        """Raises Answered, Refused, UnsafeRedirect, or what exchangelib makes of Exchange's refusals and of the
        network's."""
        self.get(
            items=[exchangelib.Message(account=self.account, mime_content=mime)],
            folder=None,
            message_disposition=SEND_ONLY,
            send_meeting_invitations=SEND_TO_NONE,
        )

    def _get_elements(self, payload: Any) -> Iterator[Any]:
        yield from self._response_generator(payload=payload)

    def _extra_headers(self) -> dict[str, str]:
        return {**super()._extra_headers(), **self.ids, "return-client-request-id": "true"}

    def _get_response(self, payload: Any, api_version: str) -> Any:
        self.answered = self.refused = False
        response = super()._get_response(payload=payload, api_version=api_version)
        self.answered = True
        self.status = response.status_code
        self.record_headers(response)
        ours = self.ids["client-request-id"]
        if response.headers.get("client-request-id", ours).strip().lower() != ours:
            raise UnexpectedSoap("it answers another request")  # responses on the connection are out of step
        return response

    def record_headers(self, response: requests.Response) -> None:
        """Store the request id for Microsoft's support, and the Retry-After header."""
        if request_id := response.headers.get("request-id"):
            self.ids["request-id"] = request_id
        self.retry_after = response.headers.get("Retry-After")

    @classmethod
    def _get_soap_parts(cls, response: requests.Response) -> Any:
        """Parse strictly. exchangelib would read byte by byte, in any declared encoding, and repair malformed XML."""
        try:
            root = etree.fromstring(response.content, etree.XMLParser(encoding="utf-8", resolve_entities=False))
        except etree.XMLSyntaxError as error:
            raise UnexpectedSoap(f"The answer is no XML: {error}") from None
        body = root.find(f"{SOAP}Body")
        if body is None:
            raise UnexpectedSoap("The answer has no SOAP body.")
        return root.find(f"{SOAP}Header"), body

    def _get_soap_messages(self, body: Any) -> Any:
        messages = super()._get_soap_messages(body=body)
        if len(messages) != 1:
            raise UnexpectedSoap(f"{len(messages)} answers came for one message.")
        return messages

    def _raise_soap_errors(self, fault: Any) -> None:
        self.refused = True
        for value in list(fault.iter(f"{TYPES}Value")):
            if value.get("Name") == "BackOffMilliseconds":
                if (value.text or "").strip().isdecimal():
                    self.back_off = float(value.text) / 1000
                value.getparent().remove(value)  # exchangelib would parse any text here as a number
        try:
            super()._raise_soap_errors(fault=fault)
        except (ErrorInvalidRequest, *VERSION_ERRORS) as error:
            # exchangelib would retry in every version it knows and drop the error. That is only useful for a server on
            # premises, which may be older than the requested version.
            if self.any_version and not isinstance(error, ErrorInvalidRequest):
                raise
            raise EwsRequestRefused(f"{type(error).__name__}: {error}") from None

    def _get_element_container(self, message: Any, name: str | None = None) -> Any:
        code = (message.findtext(f"{MESSAGES}ResponseCode") or "").strip()
        kind = message.get("ResponseClass")
        if (self.status, kind, code) == (200, "Success", "NoError"):
            return True  # with or without items
        if kind != "Error" or code == "NoError":
            said = message.findtext(f"{MESSAGES}MessageText") or ""
            raise UnexpectedSoap(f"HTTP {self.status}, {kind}, {code}: {said}")
        self.refused = bool(code)
        return super()._get_element_container(message=message, name=name)
