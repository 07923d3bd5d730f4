"""EWS through exchangelib: one CreateItem for each message, no autodiscover, no look-ups, no retries of its own.

Source: exchangelib 5.6, whose defaults would guess the version, look up folders, wait and post again.
"""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from typing import Any
from urllib.parse import urlsplit

import exchangelib
from exchangelib import errors
from exchangelib.credentials import OAuth2AuthorizationCodeCredentials
from exchangelib.protocol import BaseProtocol
from exchangelib.version import EXCHANGE_2016, EXCHANGE_O365
from requests.adapters import HTTPAdapter

from mailer import diagnosis, wire
from mailer.failure import Failure, Outcome
from mailer.identity import OnStep, Token, TokenSource
from mailer.message import Message
from mailer.transports import Login, Receipt, Sender
from mailer.transports.permission import token_for

PERMISSION = "full_access_as_app"
MOST_ACCOUNTS = 200
_AUTHORITIES: dict[str, str] = {}
"""`host:port` to the PEM file trusted for it. exchangelib knows adapters for the whole process alone."""


class _OwnAuthorities(HTTPAdapter):
    """Trusts a host's own authority where it has one, and never a proxy of the environment."""

    def _ca(self, url: str | None, verify: Any) -> Any:
        return _AUTHORITIES.get(urlsplit(url or "").netloc, True)

    def send(self, request: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        kwargs["verify"] = self._ca(request.url, kwargs.get("verify"))
        kwargs["proxies"] = {}
        return super().send(request, **kwargs)


BaseProtocol.HTTP_ADAPTER_CLS = _OwnAuthorities
BaseProtocol.TIMEOUT = 30
BaseProtocol.USERAGENT = wire.USER_AGENT


class _Injected(OAuth2AuthorizationCodeCredentials):  # type: ignore[misc]
    """Carries a token that msal got. Told apart by identity: exchangelib's own hash changes once it is used."""

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other

    def refresh(self, session: Any) -> None:
        """Must raise: a refresh that brings no new token sends exchangelib round in circles."""
        raise errors.UnauthorizedError("the token ended")


class EwsTransport:
    """Accounts are kept with their connection, the least used go first."""

    def __init__(self, tokens: TokenSource) -> None:
        self.tokens = tokens
        self._accounts: OrderedDict[tuple[str, ...], exchangelib.Account] = OrderedDict()
        self._lock = threading.Lock()

    def send(self, message: Message, sender: Sender, *, on_step: OnStep | None = None) -> Receipt:
        try:
            return self._send(message, sender, on_step)
        except Failure as failure:
            if sender.app is None or failure.cause != "token_rejected" or failure.outcome != Outcome.NOT_SENT:
                raise
        self.tokens.forget(sender.app, sender.app.cloud.exchange_scope)
        return self._send(message, sender, None)

    def _send(self, message: Message, sender: Sender, on_step: OnStep | None) -> Receipt:
        token = None
        if sender.app is not None:
            token = token_for(self.tokens, sender.app, sender.app.cloud.exchange_scope, PERMISSION, on_step)
        roles = token.roles if token else None
        try:
            account = self._account(sender, token)
            item = exchangelib.Message(account=account, mime_content=message.as_bytes(sender.address))
            item.send(save_copy=False)
        except Failure:
            raise
        except Exception as error:
            raise _failure(error, roles) from None
        return Receipt(message.message_id, "NoError")

    def _account(self, sender: Sender, token: Token | None) -> exchangelib.Account:
        endpoint = sender.endpoint or (sender.app.cloud.ews if sender.app else "")
        if not endpoint:
            raise Failure("other", "Exchange on premises needs the address of its EWS service.")
        proof = token.value if token else sender.login.password if sender.login else ""
        key = (endpoint, sender.address, proof)
        with self._lock:
            if (account := self._accounts.get(key)) is not None:
                self._accounts.move_to_end(key)
                return account
            account = self._accounts[key] = _make_account(sender, endpoint, token)
            while len(self._accounts) > MOST_ACCOUNTS:
                _forget(self._accounts.popitem(last=False)[1])
            return account


def _make_account(sender: Sender, endpoint: str, token: Token | None) -> exchangelib.Account:
    ca_file = sender.ca_file or (sender.app.cloud.ca_file if sender.app else None)
    if ca_file:
        _AUTHORITIES[urlsplit(endpoint).netloc] = ca_file
    if token is not None:
        credentials = _Injected(
            access_token={
                "access_token": token.value,
                "token_type": "Bearer",
                "expires_at": token.expires_at.timestamp(),
            }
        )
        auth_type, access, version = exchangelib.OAUTH2, exchangelib.IMPERSONATION, EXCHANGE_O365
    elif sender.login is not None:
        credentials = exchangelib.Credentials(sender.login.username, sender.login.password)
        auth_type = _auth_type(sender.login)
        access, version = exchangelib.DELEGATE, EXCHANGE_2016
    else:
        raise Failure("other", "There is neither an app nor a login to send with.")
    configuration = exchangelib.Configuration(
        service_endpoint=endpoint,
        credentials=credentials,
        auth_type=auth_type,
        version=exchangelib.Version(version),
        retry_policy=exchangelib.FailFast(),
        max_connections=4,
    )
    return exchangelib.Account(
        sender.address,
        config=configuration,
        autodiscover=False,
        access_type=access,
        default_timezone=exchangelib.EWSTimeZone("UTC"),
        locale="en_US",
    )


def _auth_type(login: Login) -> str:
    return str(exchangelib.NTLM if login.kind == "ntlm" else exchangelib.BASIC)


def _forget(account: exchangelib.Account) -> None:
    """Closes its connections and takes it out of exchangelib's own, unbounded cache."""
    account.protocol.close()
    with contextlib.suppress(KeyError):
        del type(account.protocol)[account.protocol.config]


def _failure(error: Exception, roles: tuple[str, ...] | None) -> Failure:
    """Exchange's own refusals mean that nothing was sent; silence means that we cannot know."""
    cause = diagnosis.from_exception(error, roles=roles)
    silent = isinstance(error, errors.ErrorTimeoutExpired) or not isinstance(error, errors.EWSError)
    outcome = Outcome.UNKNOWN if silent and not wire.never_left(error) else Outcome.NOT_SENT
    said = str(error)
    if isinstance(error, errors.MalformedResponseError):
        said = said.partition("headers")[0]  # exchangelib puts every header into its text
    wait = getattr(error, "back_off", None)
    return Failure(
        cause,
        wire.one_line(f"{type(error).__name__}: {said}"),
        outcome,
        retry=cause in wire.LATER,
        retry_after=float(wait) if wait else None,
    )
