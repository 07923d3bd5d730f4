"""Sign-in by device code and sending for the account: tokens, refresh, and the meaning of each refusal."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import requests

from mailer import device_code, transports
from mailer.clouds import BUILTIN, Cloud
from mailer.device_code import DeviceCode, PollStatus, SignedIn
from mailer.errors import SendError
from mailer.message import Message
from mailer.personal_account import SMTP_SCOPE, PersonalAccount
from mailer.tokens import TokenSource, acquire
from mailer.transports import Sender
from sandbox import Sandbox
from tests.mailer.certificate_authorities import Authorities
from tests.mailer.conftest import Arrived, Customer, discovery, failing
from tests.mailer.https_server import HttpsServer, reply

MAIL = "https://graph.microsoft.com/Mail.Send"


@dataclass
class Kept:
    """Who keeps the sign-in: what it was told."""

    tokens: list[str] = field(default_factory=list)
    failures: list[SendError] = field(default_factory=list)

    def save_renewed(self, refresh_token: str) -> None:
        self.tokens.append(refresh_token)

    def mark_ended(self, failure: SendError) -> None:
        self.failures.append(failure)


@dataclass
class Home:
    """An app that admits personal accounts, and one such account."""

    sandbox: Sandbox
    cloud: Cloud
    client_id: str
    address: str
    keeper: Kept = field(default_factory=Kept)

    def begin(self, scope: str = MAIL) -> DeviceCode:
        return device_code.start(self.cloud, self.client_id, scope)

    def ask(self, code: DeviceCode) -> SignedIn | PollStatus:
        return device_code.poll(self.cloud, self.client_id, code.device_code)

    def decide(self, code: DeviceCode, decision: str = "accept") -> None:
        with requests.Session() as session:
            session.trust_env, session.verify = False, str(self.sandbox.ca_file)
            form = {"otc": code.user_code, "account": self.address, "decision": decision}
            session.post(code.page, data=form, timeout=10)

    def person(self, scope: str = MAIL) -> PersonalAccount:
        code = self.begin(scope)
        self.decide(code)
        signed_in = self.ask(code)
        assert isinstance(signed_in, SignedIn)
        return PersonalAccount(self.cloud, self.client_id, self.address, signed_in.refresh_token, "today", self.keeper)


@pytest.fixture
def home(sandbox: Sandbox, customer: Customer, cloud: Cloud) -> Home:
    account = sandbox.directory.add_account(f"me.{customer.tenant.domain.partition('.')[0]}@outlook.example")
    app = sandbox.directory.add_app(customer.tenant, "At home", personal_accounts=True, public_client=True)
    return Home(sandbox, cloud, app.client_id, account.address)


# Signing in


def test_each_poll_returns_immediately(home: Home) -> None:
    code = home.begin()
    assert home.ask(code) is PollStatus.PENDING
    home.decide(code)
    signed_in = home.ask(code)
    assert isinstance(signed_in, SignedIn)
    assert signed_in.account == home.address
    assert code.page == f"{home.sandbox.url}/link"


def test_declined_and_expired_are_distinguished(home: Home) -> None:
    declined, late = home.begin(), home.begin()
    home.decide(declined, "cancel")
    assert home.ask(declined) is PollStatus.DECLINED
    home.sandbox.consumers.expire_codes()
    assert home.ask(late) is PollStatus.EXPIRED


def test_repr_of_a_sign_in_contains_no_secret(home: Home) -> None:
    code, person = home.begin(), home.person()
    assert code.device_code not in repr(code)
    assert person.refresh_token not in repr(person) + repr(SignedIn("a", person.refresh_token))


def test_a_national_cloud_has_no_personal_accounts() -> None:
    with pytest.raises(SendError, match="account_personal_unsupported"):
        device_code.start(BUILTIN["gcc-high"], "6f1d1b1e-0d4e-4ad4-8a55-3ad6f1e1a001", MAIL)


@pytest.mark.parametrize(("personal", "public"), [(False, True), (True, False)], ids=["audience", "public client"])
def test_app_without_personal_accounts_has_its_cause(
    home: Home, customer: Customer, personal: bool, public: bool
) -> None:
    app = home.sandbox.directory.add_app(customer.tenant, "Unfit", personal_accounts=personal, public_client=public)
    with pytest.raises(SendError, match="account_personal_unsupported"):
        device_code.start(home.cloud, app.client_id, MAIL)


def test_request_for_a_secret_is_not_a_wrong_secret(other: HttpsServer) -> None:
    other.routes["/token"] = reply(401, {"error": "invalid_client", "error_codes": [7000218], "error_description": "x"})
    with pytest.raises(SendError, match="account_personal_unsupported"):
        device_code.poll(other.cloud(), "6f1d1b1e-0d4e-4ad4-8a55-3ad6f1e1a001", "code")


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("slow_down", PollStatus.SLOWER),
        ("access_denied", PollStatus.DECLINED),
        ("authorization_declined", PollStatus.DECLINED),
    ],
)
def test_every_status_of_the_standard_is_known(other: HttpsServer, said: str, heard: PollStatus) -> None:
    other.routes["/token"] = reply(400, {"error": said})
    assert device_code.poll(other.cloud(), "6f1d1b1e-0d4e-4ad4-8a55-3ad6f1e1a001", "code") is heard


def test_answer_without_refresh_token_is_an_error(other: HttpsServer) -> None:
    with pytest.raises(SendError, match="no refresh token"):
        device_code.poll(other.cloud(), "6f1d1b1e-0d4e-4ad4-8a55-3ad6f1e1a001", "code")


@pytest.mark.parametrize(
    "answer",
    [
        reply(200, b"<html>"),
        reply(503, {"error": "temporarily_unavailable"}),
        reply(200, {"user_code": "A", "device_code": "B", "verification_uri": "http://evil.example"}),
        reply(200, {"user_code": "A", "verification_uri": "https://evil.example"}),
    ],
    ids=["no JSON", "busy", "no TLS", "no code"],
)
def test_malformed_device_code_answer_is_an_error(other: HttpsServer, answer: Any) -> None:
    doors = f"{other.url}/consumers/oauth2/v2.0"
    other.routes["openid-configuration"] = lambda request: reply(
        200, discovery(other, device_authorization_endpoint=f"{doors}/devicecode")
    )(request)
    other.routes["/devicecode"] = answer
    with pytest.raises(SendError) as caught:
        device_code.start(
            replace(other.cloud(), personal_smtp="localhost:587"), "6f1d1b1e-0d4e-4ad4-8a55-3ad6f1e1a001", MAIL
        )
    assert caught.value.cause in {"network", "other", "transient"}


def test_poll_observes_its_timeout(home: Home) -> None:
    home.sandbox.faults.add(service="token", delay=30, mailbox=home.client_id)
    with pytest.raises(SendError, match="network"):
        device_code.poll(home.cloud, home.client_id, home.begin().device_code, timeout=0.5)


# Using the sign-in


def test_each_use_returns_a_new_refresh_token(home: Home) -> None:
    person = home.person()
    token = acquire(person, person.graph_scope)
    assert token.roles == ("Mail.Send",)
    assert len(home.keeper.tokens) == 1
    assert home.keeper.tokens[0] != person.refresh_token
    assert acquire(replace(person, refresh_token=home.keeper.tokens[0]), person.graph_scope).value != token.value


def test_access_token_is_cached_across_refresh_tokens(home: Home, tokens: TokenSource) -> None:
    person = home.person()
    first = tokens.token(person, person.graph_scope)
    renewed = replace(person, refresh_token=home.keeper.tokens[0])
    assert tokens.token(renewed, person.graph_scope) is first
    assert tokens.token(replace(renewed, since="tomorrow"), person.graph_scope) is not first


@pytest.mark.parametrize("code", [70008, 700082, 70043, 70000])
def test_store_is_notified_when_the_sign_in_ended(home: Home, code: int) -> None:
    person = home.person()
    home.sandbox.faults.add(service="token", code=code, status=400, mailbox=home.client_id)
    with pytest.raises(SendError, match="user_sign_in_needed"):
        acquire(person, person.graph_scope)
    assert [one.cause for one in home.keeper.failures] == ["user_sign_in_needed"]


@pytest.mark.parametrize(("status", "code", "cause"), [(503, 90033, "transient"), (400, 65001, "user_sign_in_needed")])
def test_other_errors_do_not_end_the_sign_in(home: Home, status: int, code: int, cause: str) -> None:
    person = home.person()
    home.sandbox.faults.add(service="token", code=code, status=status, mailbox=home.client_id)
    with pytest.raises(SendError, match=cause):
        acquire(person, person.graph_scope)
    assert home.keeper.failures == []


# Sending


@pytest.mark.parametrize(
    ("way", "scope", "permission"), [("graph", MAIL, "Mail.Send"), ("smtp", SMTP_SCOPE, "SMTP.Send")]
)
def test_account_sends_as_itself(
    home: Home, tokens: TokenSource, message: Message, arrived: Arrived, way: str, scope: str, permission: str
) -> None:
    steps: list[tuple[str, str]] = []
    sender = Sender(home.address, home.person(scope))
    transports.create_transport(way, tokens).send(message, sender, on_step=lambda *step: steps.append(step))
    (taken,) = arrived(message)
    assert (taken["mailbox"], taken["service"]) == (home.address, way)
    assert [step for step, _ in steps] == ["tenant", "token", "permission"]
    assert steps[2][1] == permission


def test_ews_is_refused_with_a_reason(home: Home, tokens: TokenSource, message: Message) -> None:
    failure = failing(transports.create_transport("ews", tokens), message, Sender(home.address, home.person()))
    assert failure.cause == "account_personal_unsupported"
    assert home.sandbox.ledger.messages(message.message_id) == []


def test_neither_token_nor_code_is_logged(
    home: Home, tokens: TokenSource, message: Message, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    code = home.begin()
    home.decide(code)
    signed_in = home.ask(code)
    assert isinstance(signed_in, SignedIn)
    person = PersonalAccount(home.cloud, home.client_id, home.address, signed_in.refresh_token, store=home.keeper)
    transports.create_transport("graph", tokens).send(message, Sender(home.address, person))
    access = tokens.token(person, person.graph_scope).value
    for secret in (code.device_code, person.refresh_token, home.keeper.tokens[0], access):
        assert secret not in caplog.text


def test_repeated_tokens_are_redacted(authorities: Authorities, stack: ExitStack) -> None:
    server = stack.enter_context(HttpsServer(authorities.good, authorities.ca_file))
    server.routes["openid-configuration"] = lambda request: reply(200, discovery(server))(request)
    told = "M.C512_SBX.0.U.-abcdefghijklmnopqrstuvwxyz and EwB4abcdefghijklmnopqrstuvwxyz+/=="
    server.routes["/token"] = reply(400, {"error": "invalid_grant", "error_description": f"bad {told}"})
    person = PersonalAccount(
        server.cloud(), "6f1d1b1e-0d4e-4ad4-8a55-3ad6f1e1a001", "a@outlook.example", "the-very-token"
    )
    with pytest.raises(SendError) as caught:
        acquire(person, person.graph_scope)
    assert caught.value.technical == "bad [hidden] and [hidden]"
