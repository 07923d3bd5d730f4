"""EWS through exchangelib: one CreateItem for each message, no autodiscover, no look-ups, no retries of its own.

Source: exchangelib 5.6, whose defaults would guess the version, look up folders, wait and post again.
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
from mailer.message import Message, address_of
from mailer.personal_account import PersonalAccount
from mailer.tokens import AppIdentity, OnStep, Token, TokenSource
from mailer.transports import LONGEST, Login, Receipt, Sender
from mailer.transports.ews_create_item import Answered, Bearer, EwsAccount, EwsSession, SendOnce
from mailer.transports.mime_errors import writing
from mailer.transports.token_retry import with_token

PERMISSION = "full_access_as_app"
SILENT = (OSError, requests.RequestException)
NO_WORDS = (errors.ErrorTimeoutExpired, errors.ErrorInternalServerError)
"""Codes by which Exchange says only that it gave up or that something failed: it may go on behind them. Mail was
delivered after the second one by Graph (learn.microsoft.com/answers 5629476)."""
MOST_LINES = 200
MOST_ACCOUNTS = 2000


@dataclass(frozen=True)
class _Door:
    """Where and as whom: the key of a line."""

    endpoint: str
    ca_file: str | None
    app: tuple[str, str, str] | None = None
    login: Login | None = None


class EwsTransport:
    """Lines and accounts are kept, the least used go first. A new token makes a new line, and the old one goes."""

    def __init__(self, tokens: TokenSource, *, timeout: float = LONGEST) -> None:
        self.tokens = tokens
        self.timeout = timeout
        self._lines: OrderedDict[_Door, tuple[str, EwsSession]] = OrderedDict()
        self._accounts: OrderedDict[tuple[int, str], EwsAccount] = OrderedDict()
        self._lock = threading.Lock()

    def send(self, message: Message, sender: Sender, *, on_step: OnStep | None = None) -> Receipt:
        app = _app(sender)
        door = _door(sender)
        with writing():
            mime = message.as_bytes(sender.address)
            address = address_of(sender.address)
        with deadline_sockets.deadline(self.timeout):
            if app is None:
                return self._send(message, mime, address, sender, door, None)
            return with_token(
                self.tokens,
                app,
                app.cloud.exchange_scope,
                PERMISSION,
                on_step,
                lambda token: self._send(message, mime, address, sender, door, token),
            )

    def _send(
        self, message: Message, mime: bytes, address: str, sender: Sender, door: _Door, token: Token | None
    ) -> Receipt:
        call = SendOnce(self._account(address, door, token), any_version=token is None)
        with wire_errors.redacting(door.login.password if door.login else None):
            try:
                call.send(mime)
            except Answered as answered:
                call.note(answered.response)
                raise _answered(answered, call, token) from None
            except Exception as error:
                raise _failure(error, call, token) from None
        return Receipt(message.message_id, "NoError", _ids(call))

    def _account(self, address: str, door: _Door, token: Token | None) -> EwsAccount:
        proof = token.value if token else ""
        with self._lock:
            known, line = self._lines.get(door, (None, None))
            if line is None or known != proof:
                self._forget(line)
                line = _line(door, token)
                self._lines[door] = proof, line
            self._lines.move_to_end(door)
            account = self._accounts.get((id(line), address))
            if account is None:
                access = exchangelib.IMPERSONATION if token else exchangelib.DELEGATE
                account = self._accounts[id(line), address] = EwsAccount(address, line, access)
            self._accounts.move_to_end((id(line), address))
            while len(self._lines) > MOST_LINES:
                self._forget(self._lines.popitem(last=False)[1][1])
            while len(self._accounts) > MOST_ACCOUNTS:
                self._accounts.popitem(last=False)
            return account

    def _forget(self, line: EwsSession | None) -> None:
        """Its idle connections are closed now, those in use when they are given back and found by nobody."""
        if line is not None:
            line.close()
            for key in [key for key in self._accounts if key[0] == id(line)]:
                del self._accounts[key]


def _app(sender: Sender) -> AppIdentity | None:
    """None for a classic login. Raises SendError."""
    if isinstance(sender.app, PersonalAccount):
        raise SendError("account_personal_unsupported", "Personal accounts have no EWS: send by Graph or SMTP.")
    return sender.app


def _door(sender: Sender) -> _Door:
    """Raises SendError if there is nothing to send with."""
    if (app := _app(sender)) is not None:
        cloud = app.cloud
        known_as = (cloud.authority, app.directory_id, app.client_id)
        return _checked(_Door(sender.endpoint or cloud.ews, sender.ca_file or cloud.ca_file, app=known_as))
    if sender.login is None:
        raise SendError("other", "There is neither an app nor a login to send with.")
    return _checked(_Door(sender.endpoint or "", sender.ca_file, login=sender.login))


def _checked(door: _Door) -> _Door:
    if not door.endpoint:
        raise SendError("other", "Exchange on premises needs the address of its EWS service.")
    if not door.endpoint.startswith("https://"):
        raise SendError("tls", f'The EWS address {door.endpoint} must begin with "https://".')
    return door


def _line(door: _Door, token: Token | None) -> EwsSession:
    if token is not None:
        return EwsSession(door.endpoint, Bearer(token.value), exchangelib.OAUTH2, EXCHANGE_O365, door.ca_file)
    assert door.login is not None  # noqa: S101 (see _door)
    kind = exchangelib.NTLM if door.login.kind == "ntlm" else exchangelib.BASIC
    credentials = exchangelib.Credentials(door.login.username, door.login.password)
    return EwsSession(door.endpoint, credentials, kind, EXCHANGE_2016, door.ca_file)


def _answered(answered: Answered, call: SendOnce, token: Token | None) -> SendError:
    """An answer that is no SOAP: the door's, not Exchange's."""
    response = answered.response
    roles = token.known_roles if token else None
    cause = diagnosis.from_http(response.status_code, response.headers, response.content, door="ews", roles=roles)
    if token is None and response.status_code in (401, 403) and cause in ("token_rejected", "ews_blocked"):
        cause = "user_sign_in_needed" if response.status_code == 401 else "mailbox_access_denied"
    said = (
        http_session.flaw_of(response)
        or response.headers.get("x-ms-diagnostics")
        or response.headers.get("X-CasErrorCode")
        or response.reason
        or ""
    )
    wait = _wait(call)
    judged = wire_errors.answer_to(response.status_code, own_words=False, wait=wait)
    if judged == Answer.FOREIGN:
        cause = "network"
    return SendError(
        cause,
        wire_errors.sanitize(f"HTTP {response.status_code} {said}"),
        Acceptance.UNKNOWN if judged in DOUBTFUL else Acceptance.NOT_SENT,
        retry=cause in wire_errors.LATER or judged in DOUBTFUL,
        retry_after=wait,
        request_ids=_ids(call),
        answer=judged,
    )


def _failure(error: Exception, call: SendOnce, token: Token | None) -> SendError:
    """Exchange's own refusals mean that nothing was sent; silence, and what nobody understands, that we cannot know."""
    cause = diagnosis.from_exception(error, roles=token.known_roles if token else None)
    judged = _judged(error, call, cause)
    return SendError(
        cause,
        wire_errors.sanitize(f"{type(error).__name__}: {error}"),
        Acceptance.UNKNOWN if judged in DOUBTFUL else Acceptance.NOT_SENT,
        retry=cause in wire_errors.LATER or judged in DOUBTFUL,
        retry_after=_wait(call),
        request_ids=_ids(call),
        answer=judged,
    )


def _judged(error: Exception, call: SendOnce, cause: str) -> Answer:
    if call.refused:
        if isinstance(error, NO_WORDS):
            return Answer.GATEWAY
        return Answer.BUSY if cause in wire_errors.LATER else Answer.REFUSED
    if call.answered or not isinstance(error.__context__, SILENT):  # or an NTLM login that went astray
        return wire_errors.proof_of(error) or Answer.FOREIGN
    return wire_errors.proof_of(error) or Answer.NO_ANSWER


def _wait(call: SendOnce) -> float | None:
    if call.back_off is not None:
        return min(call.back_off, wire_errors.LONGEST_WAIT)
    return wire_errors.retry_after(call.wait)


def _ids(call: SendOnce) -> dict[str, str]:
    return {name: wire_errors.sanitize(value, 100) for name, value in call.ids.items()}
