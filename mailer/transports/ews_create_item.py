"""exchangelib made plain: one CreateItem, one request, one answer, and no doubt about what the answer was.

By itself exchangelib 5.6 posts again after a busy server or a cut line (`EWSService._get_elements`), tells a lost
answer as a busy server if it has more than one connection, and so any answer with `Connection: close`, waits without
end for its own pool's lock when it makes that smaller, keeps every protocol, and knows one set of authorities for the
whole process. Each part below takes one of these away.
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
"""SOAP under any prefix, with or without an XML declaration."""
_DECLARATION = re.compile(rb"<!(?:DOCTYPE|ENTITY)")
"""What makes XML bombs. SOAP 1.1, 3: "A SOAP message MUST NOT contain a Document Type Declaration"."""
OF_THE_VERSION = (
    ErrorInvalidServerVersion,
    ErrorIncorrectSchemaVersion,
    ErrorInvalidSchemaVersionForMailboxVersion,
)
CONNECTIONS = 64
"""At most; each is made when it is needed. Waiting for one would have no end."""


class Answered(Exception):
    """An HTTP answer that is no SOAP; `response` holds it."""

    def __init__(self, response: requests.Response) -> None:
        super().__init__(f"HTTP {response.status_code}")
        self.response = response


class EwsRefused(Exception):
    """Exchange does not take such a request, in whatever version."""


class UnsafeRedirect(Exception):
    """SOAP that Exchange does not document for one message: more answers than messages, a warning (documented
    as not processed), success under HTTP 500."""

    proves = Answer.FOREIGN


class Bearer(OAuth2AuthorizationCodeCredentials):  # type: ignore[misc]
    """Carries a token that msal got. Its end is not told: exchangelib would go round in circles to have it renewed, and
    the server says it too."""

    def __init__(self, token: str) -> None:
        super().__init__(access_token={"access_token": token, "token_type": "Bearer"})

    def refresh(self, session: Any) -> None:
        raise UnauthorizedError("the token ended")


class Ntlm(HttpNtlmAuth):
    """Binds the login to the server's certificate, which requests_ntlm looks for in the socket behind an unread answer.
    Ours are read."""

    def _get_server_cert(self, response: requests.Response) -> bytes | None:
        certificate = getattr(response.raw, "certificate", None)
        return _get_certificate_hash(certificate) if certificate else None


class _Plain(exchangelib.FailFast):  # type: ignore[misc]
    """Lets SOAP through, and hands on everything else as it is."""

    def raise_response_errors(self, response: requests.Response) -> None:
        is_soap = _ENVELOPE.search(response.content[:2000]) and not _DECLARATION.search(response.content)
        if response.status_code not in (200, 500) or http_session.flaw_of(response) or not is_soap:
            raise Answered(response)


class _Uncached(CachingProtocol):  # type: ignore[misc]
    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return type.__call__(cls, *args, **kwargs)


class EwsSession(Protocol, metaclass=_Uncached):  # type: ignore[misc]
    """The connections to one EWS service under one proof, shared by all its mailboxes. `ca_file` is trusted alone."""

    def __init__(self, endpoint: str, credentials: Any, auth_type: str, build: Any, ca_file: str | None) -> None:
        super().__init__(
            config=exchangelib.Configuration(
                service_endpoint=endpoint,
                credentials=credentials,
                auth_type=auth_type,
                version=exchangelib.Version(build),
                retry_policy=_Plain(),
                max_connections=CONNECTIONS,
            )
        )
        self.ca_file = ca_file

    def create_session(self) -> Any:
        session = super().create_session()
        session.trust_env = False
        session.headers.update({"User-Agent": http_session.USER_AGENT, "Accept-Encoding": "identity"})
        session.adapters.clear()
        # One connection for each session: an NTLM login is a connection's.
        session.mount("https://", http_session.Adapter(self.ca_file, connections=1))
        if self.auth_type == exchangelib.BASIC:
            # RFC 7617: in UTF-8. requests writes Latin-1, and breaks on what that lacks.
            session.auth = HTTPBasicAuth(self.credentials.username.encode(), self.credentials.password.encode())
        elif self.auth_type == exchangelib.NTLM:
            session.auth = Ntlm(session.auth.username, session.auth.password)
        return session


class EwsAccount(exchangelib.Account):  # type: ignore[misc]
    """A mailbox on such a line."""

    def __init__(self, address: str, line: EwsSession, access_type: str) -> None:
        super().__init__(
            address,
            config=line.config,
            access_type=access_type,
            default_timezone=exchangelib.EWSTimeZone("UTC"),
            locale="en_US",
        )
        # exchangelib made a protocol of its own for the account, and keeps it.
        Protocol._protocol_cache.pop(CachingProtocol._cache_key(line.config), None)
        self.protocol = line


class SendOnce(CreateItem):  # type: ignore[misc]
    """One message by one request. Afterwards `ids` are the request's, `wait` is the server's wish in seconds,
    `answered` says whether SOAP came back, and `refused` whether Exchange itself said no in it."""

    def __init__(self, account: EwsAccount, *, any_version: bool) -> None:
        super().__init__(account=account)
        self.any_version = any_version
        self.ids = {"client-request-id": str(uuid.uuid4())}
        self.wait: str | None = None
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
        self.note(response)
        ours = self.ids["client-request-id"]
        if response.headers.get("client-request-id", ours).strip().lower() != ours:
            raise UnsafeRedirect("it answers another request")  # of a connection whose answers are out of step
        return response

    def note(self, response: requests.Response) -> None:
        """What Microsoft's support asks for, and how long the server wants to be left alone."""
        if request_id := response.headers.get("request-id"):
            self.ids["request-id"] = request_id
        self.wait = response.headers.get("Retry-After")

    @classmethod
    def _get_soap_parts(cls, response: requests.Response) -> Any:
        """exchangelib reads a byte at a time, in whatever encoding is declared, and mends what is not well-formed."""
        try:
            root = etree.fromstring(response.content, etree.XMLParser(encoding="utf-8", resolve_entities=False))
        except etree.XMLSyntaxError as error:
            raise UnsafeRedirect(f"The answer is no XML: {error}") from None
        body = root.find(f"{SOAP}Body")
        if body is None:
            raise UnsafeRedirect("The answer has no SOAP body.")
        return root.find(f"{SOAP}Header"), body

    def _get_soap_messages(self, body: Any) -> Any:
        messages = super()._get_soap_messages(body=body)
        if len(messages) != 1:
            raise UnsafeRedirect(f"{len(messages)} answers came for one message.")
        return messages

    def _raise_soap_errors(self, fault: Any) -> None:
        self.refused = True
        for value in list(fault.iter(f"{TYPES}Value")):
            if value.get("Name") == "BackOffMilliseconds":
                if (value.text or "").strip().isdecimal():
                    self.back_off = float(value.text) / 1000
                value.getparent().remove(value)  # exchangelib takes any text there for a number
        try:
            super()._raise_soap_errors(fault=fault)
        except (ErrorInvalidRequest, *OF_THE_VERSION) as error:
            # exchangelib would ask again in every version it knows, and forget what was said. Only a server on premises
            # may be older than what it is asked in.
            if self.any_version and not isinstance(error, ErrorInvalidRequest):
                raise
            raise EwsRefused(f"{type(error).__name__}: {error}") from None

    def _get_element_container(self, message: Any, name: str | None = None) -> Any:
        code = (message.findtext(f"{MESSAGES}ResponseCode") or "").strip()
        kind = message.get("ResponseClass")
        if (self.status, kind, code) == (200, "Success", "NoError"):
            return True  # whether or not it names items
        if kind != "Error" or code == "NoError":
            said = message.findtext(f"{MESSAGES}MessageText") or ""
            raise UnsafeRedirect(f"HTTP {self.status}, {kind}, {code}: {said}")
        self.refused = bool(code)
        return super()._get_element_container(message=message, name=name)
