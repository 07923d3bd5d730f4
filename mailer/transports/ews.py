"""EWS through exchangelib: one CreateItem for each message, without autodiscover, lookups and retries.

Source: exchangelib 5.6, which by default guesses the version, looks up folders, waits and posts again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

import exchangelib
import requests
from exchangelib import errors
from exchangelib.version import EXCHANGE_2016, EXCHANGE_O365

from mailer import diagnosis
from mailer.errors import DOUBTFUL, Acceptance, Answer, SendError
from mailer.http import deadline_sockets, http_session, wire_errors
from mailer.message import Message, address_of, converting_message_errors
from mailer.personal_account import PersonalAccount
from mailer.tokens import AppIdentity, OnStep, Token, TokenSource
from mailer.transports import MAX_SEND_SECONDS, Login, Receipt, Sender
from mailer.transports.ews_create_item import BearerToken, EwsAccount, EwsSession, NotSoapResponse, SendOnce

PERMISSION = "full_access_as_app"
NO_RESPONSE = (OSError, requests.RequestException)
VAGUE_ERRORS = (errors.ErrorTimeoutExpired, errors.ErrorInternalServerError)
"""Errors by which Exchange says only that it timed out or failed internally; the message may still be sent. Graph
delivered mail after the second one (learn.microsoft.com/answers 5629476)."""
MAX_SESSIONS = 200
MAX_ACCOUNTS = 2000


@dataclass(frozen=True)
class _SessionKey:
    """Endpoint and identity: the key of a session."""

    endpoint: str
    ca_file: str | None
    app: tuple[str, str, str] | None = None
    login: Login | None = None


class EwsTransport:
    """Sends by EWS. Sessions and accounts are cached, the least recently used evicted first. A new token replaces the
    session."""

    def __init__(self, tokens: TokenSource, *, timeout: float = MAX_SEND_SECONDS) -> None:
        self.tokens = tokens
        self.timeout = timeout
        self._sessions: OrderedDict[_SessionKey, tuple[str, EwsSession]] = OrderedDict()
        self._accounts: OrderedDict[tuple[int, str], EwsAccount] = OrderedDict()
        self._lock = threading.Lock()

    def send(self, message: Message, sender: Sender, *, on_step: OnStep | None = None) -> Receipt:
        app = _app(sender)
        key = _session_key(sender)
        with converting_message_errors():
            mime = message.as_bytes(sender.address)
            address = address_of(sender.address)
        with deadline_sockets.deadline(self.timeout):
            if app is None:
                return self._send(message, mime, address, sender, key, None)
            return self.tokens.with_token(
                app,
                app.cloud.exchange_scope,
                PERMISSION,
                on_step,
                lambda token: self._send(message, mime, address, sender, key, token),
            )

    def _send(
        self, message: Message, mime: bytes, address: str, sender: Sender, key: _SessionKey, token: Token | None
    ) -> Receipt:
        call = SendOnce(self._account(address, key, token), any_version=token is None)
        with wire_errors.redacting(key.login.password if key.login else None):
            try:
                call.send(mime)
            except NotSoapResponse as answered:
                call.record_headers(answered.response)
                raise _http_error(answered, call, token) from None
            except Exception as error:
                raise _exchange_error(error, call, token) from None
        return Receipt(message.message_id, "NoError", _ids(call))

    def _account(self, address: str, key: _SessionKey, token: Token | None) -> EwsAccount:
        proof = token.value if token else ""
        with self._lock:
            known, session = self._sessions.get(key, (None, None))
            if session is None or known != proof:
                self._forget(session)
                session = _open_session(key, token)
                self._sessions[key] = proof, session
            self._sessions.move_to_end(key)
            account = self._accounts.get((id(session), address))
            if account is None:
                access = exchangelib.IMPERSONATION if token else exchangelib.DELEGATE
                account = self._accounts[id(session), address] = EwsAccount(address, session, access)
            self._accounts.move_to_end((id(session), address))
            while len(self._sessions) > MAX_SESSIONS:
                self._forget(self._sessions.popitem(last=False)[1][1])
            while len(self._accounts) > MAX_ACCOUNTS:
                self._accounts.popitem(last=False)
            return account

    def _forget(self, session: EwsSession | None) -> None:
        """Close the session's idle connections now, those in use when they are released."""
        if session is not None:
            session.close()
            for key in [key for key in self._accounts if key[0] == id(session)]:
                del self._accounts[key]


def _app(sender: Sender) -> AppIdentity | None:
    """The sender's app; None for a login. Raises SendError for a personal account."""
    if isinstance(sender.app, PersonalAccount):
        raise SendError("account_personal_unsupported", "Personal accounts have no EWS: send by Graph or SMTP.")
    return sender.app


def _session_key(sender: Sender) -> _SessionKey:
    """The session's key. Raises SendError if the sender has neither an app nor a login, or an invalid endpoint."""
    if (app := _app(sender)) is not None:
        cloud = app.cloud
        known_as = (cloud.authority, app.directory_id, app.client_id)
        return _checked(_SessionKey(sender.endpoint or cloud.ews, sender.ca_file or cloud.ca_file, app=known_as))
    if sender.login is None:
        raise SendError("other", "There is neither an app nor a login to send with.")
    return _checked(_SessionKey(sender.endpoint or "", sender.ca_file, login=sender.login))


def _checked(key: _SessionKey) -> _SessionKey:
    if not key.endpoint:
        raise SendError("other", "Exchange on premises needs the address of its EWS service.")
    if not key.endpoint.startswith("https://"):
        raise SendError("tls", f'The EWS address {key.endpoint} must begin with "https://".')
    return key


def _open_session(key: _SessionKey, token: Token | None) -> EwsSession:
    if token is not None:
        return EwsSession(key.endpoint, BearerToken(token.value), exchangelib.OAUTH2, EXCHANGE_O365, key.ca_file)
    assert key.login is not None  # noqa: S101 (see _session_key)
    kind = exchangelib.NTLM if key.login.kind == "ntlm" else exchangelib.BASIC
    credentials = exchangelib.Credentials(key.login.username, key.login.password)
    return EwsSession(key.endpoint, credentials, kind, EXCHANGE_2016, key.ca_file)


def _http_error(answered: NotSoapResponse, call: SendOnce, token: Token | None) -> SendError:
    """The error for a response that is not SOAP: from the web server instead of Exchange."""
    response = answered.response
    roles = token.known_roles if token else None
    cause = diagnosis.from_http(response.status_code, response.headers, response.content, service="ews", roles=roles)
    if token is None and response.status_code in (401, 403) and cause in ("token_rejected", "ews_blocked"):
        cause = "user_sign_in_needed" if response.status_code == 401 else "mailbox_access_denied"
    said = (
        http_session.body_flaw(response)
        or response.headers.get("x-ms-diagnostics")
        or response.headers.get("X-CasErrorCode")
        or response.reason
        or ""
    )
    wait = _retry_after(call)
    judged = wire_errors.classify_status(response.status_code, own_words=False, wait=wait)
    if judged == Answer.FOREIGN:
        cause = "network"
    return SendError(
        cause,
        wire_errors.sanitize(f"HTTP {response.status_code} {said}"),
        Acceptance.UNKNOWN if judged in DOUBTFUL else Acceptance.NOT_SENT,
        retry=cause in wire_errors.RETRYABLE_CAUSES or judged in DOUBTFUL,
        retry_after=wait,
        request_ids=_ids(call),
        answer=judged,
    )


def _exchange_error(error: Exception, call: SendOnce, token: Token | None) -> SendError:
    """The error for exchangelib's exceptions. Only Exchange's own refusals prove that nothing was sent."""
    cause = diagnosis.from_exception(error, roles=token.known_roles if token else None)
    judged = _classify(error, call, cause)
    return SendError(
        cause,
        wire_errors.sanitize(f"{type(error).__name__}: {error}"),
        Acceptance.UNKNOWN if judged in DOUBTFUL else Acceptance.NOT_SENT,
        retry=cause in wire_errors.RETRYABLE_CAUSES or judged in DOUBTFUL,
        retry_after=_retry_after(call),
        request_ids=_ids(call),
        answer=judged,
    )


def _classify(error: Exception, call: SendOnce, cause: str) -> Answer:
    if call.refused:
        if isinstance(error, VAGUE_ERRORS):
            return Answer.GATEWAY
        return Answer.BUSY if cause in wire_errors.RETRYABLE_CAUSES else Answer.REFUSED
    if call.answered or not isinstance(error.__context__, NO_RESPONSE):  # or a failed NTLM handshake
        return wire_errors.answer_of(error) or Answer.FOREIGN
    return wire_errors.answer_of(error) or Answer.NO_ANSWER


def _retry_after(call: SendOnce) -> float | None:
    if call.back_off is not None:
        return min(call.back_off, wire_errors.MAX_RETRY_AFTER)
    return wire_errors.retry_after(call.retry_after)


def _ids(call: SendOnce) -> dict[str, str]:
    return {name: wire_errors.sanitize(value, 100) for name, value in call.ids.items()}
