"""All HTTP of the mailer through a CONNECT proxy, the network closed otherwise; and each way in which it refuses."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from mailer import tenant_discovery
from mailer.errors import Acceptance, Answer, SendError
from mailer.http import deadline_sockets, outbound_proxy
from mailer.http.no_proxy import NoProxy
from mailer.http.outbound_proxy import OutboundProxy
from mailer.message import Message
from mailer.tokens import TokenSource, acquire
from mailer.transports import Sender, create_relay, create_transport
from sandbox import Sandbox
from tests.helpers.connect_proxy import ConnectProxy
from tests.helpers.proxy_answers import ANSWERS, answering
from tests.mailer.certificate_authorities import Authorities
from tests.mailer.conftest import Arrived, Customer, app_of, sender_of
from tests.mailer.https_server import HttpsServer, reply

USER, PASSWORD = "jdoe", "p@ss/wörd-canary"
LOGIN = "jdoe:p%40ss%2Fw%C3%B6rd-canary"


@pytest.fixture(autouse=True)
def no_proxy_afterwards() -> Iterator[None]:
    yield
    outbound_proxy.use(None)


@pytest.fixture
def only_the_proxy(monkeypatch: pytest.MonkeyPatch) -> Callable[[ConnectProxy], None]:
    """Closes the network but for the proxy's port."""

    def close(proxy: ConnectProxy) -> None:
        connect = deadline_sockets.PlainSocket.connect

        def guarded(plain: deadline_sockets.PlainSocket, address: tuple[str, int]) -> None:
            if address[1] != proxy.port:
                raise OSError(101, "Network is unreachable")
            connect(plain, address)

        monkeypatch.setattr(deadline_sockets.PlainSocket, "connect", guarded)

    return close


KINDS = ["http", "http with login", "https", "https with login"]


@pytest.mark.parametrize("kind", KINDS)
def test_token_graph_ews_and_discovery_through_the_proxy(
    customer: Customer,
    sandbox: Sandbox,
    message: Message,
    arrived: Arrived,
    authorities: Authorities,
    stack: ExitStack,
    only_the_proxy: Callable[[ConnectProxy], None],
    kind: str,
) -> None:
    tls = authorities.good if kind.startswith("https") else None
    login = f"{USER}:{PASSWORD}" if "login" in kind else ""
    proxy = stack.enter_context(ConnectProxy(login, tls))
    outbound_proxy.use(
        OutboundProxy.parse(proxy.url(LOGIN if login else ""), ca_file=authorities.ca_file if tls else "")
    )
    only_the_proxy(proxy)
    assert tenant_discovery.find(customer.tenant.domain, customer.cloud).directory_id == customer.tenant.directory_id
    assert acquire(customer.identity, customer.identity.graph_scope).roles
    for name in ("graph", "ews"):
        create_transport(name, TokenSource()).send(message, customer.sender)
    assert [entry["service"] for entry in arrived(message)] == ["graph", "ews"]
    port = customer.cloud.authority.rpartition(":")[2]
    assert set(proxy.asked) == {f"localhost:{port}"}
    assert PASSWORD not in repr(outbound_proxy.current())
    assert all(b"CONNECT" in header and b"Bearer" not in header for header in proxy.heard)


def test_smtp_is_direct(sandbox: Sandbox, message: Message, arrived: Arrived, stack: ExitStack) -> None:
    proxy = stack.enter_context(ConnectProxy())
    outbound_proxy.use(OutboundProxy.parse(proxy.url()))
    create_relay(f"smtp://{sandbox.relay_host}:{sandbox.relay_port}").send(message, Sender("a@plant.example"))
    assert len(arrived(message)) == 1
    assert proxy.asked == []


# Refusals

ROUTES = ("token", "graph", "ews", "discovery")


def call(route: str, customer: Customer, message: Message, tokens: TokenSource) -> None:
    if route == "token":
        acquire(customer.identity, customer.identity.graph_scope)
    elif route == "discovery":
        tenant_discovery.find(customer.tenant.domain, customer.cloud)
    else:
        create_transport(route, tokens).send(message, customer.sender)


def warm(customer: Customer, tokens: TokenSource) -> None:
    """With tokens of before, the route itself meets the proxy."""
    for scope in (customer.identity.graph_scope, customer.identity.smtp_scope):
        tokens.token(customer.identity, scope)


def is_of_the_proxy(failure: SendError, proxy: ConnectProxy) -> bool:
    assert (failure.cause, failure.retry) == ("proxy", True)
    assert (failure.outcome, failure.answer) == (Acceptance.NOT_SENT, Answer.NOT_REACHED)
    assert "canary" not in f"{failure!r} {failure}"
    assert "Microsoft" not in failure.technical
    return f"proxy {proxy.place} " in failure.technical


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(("answer", "said"), ANSWERS.values(), ids=ANSWERS)
def test_each_refusal_is_the_proxys(
    customer: Customer, message: Message, stack: ExitStack, route: str, answer: bytes, said: str
) -> None:
    tokens = TokenSource()
    warm(customer, tokens)
    proxy = stack.enter_context(answering(answer))
    outbound_proxy.use(OutboundProxy.parse(proxy.url()))
    seconds = 10.0 if not proxy.silent else 1.5 if route == "ews" else 0.4  # exchangelib takes long to begin with
    with deadline_sockets.deadline(seconds), pytest.raises(SendError) as caught:
        call(route, customer, message, tokens)
    assert is_of_the_proxy(caught.value, proxy)
    assert said in caught.value.technical
    assert len(proxy.asked) == 1


@pytest.mark.parametrize("given", ["jdoe:canary-wrong", "canary", ""])
def test_a_wrong_login_is_said_without_it(customer: Customer, stack: ExitStack, given: str) -> None:
    proxy = stack.enter_context(ConnectProxy(f"{USER}:{PASSWORD}"))
    outbound_proxy.use(OutboundProxy.parse(proxy.url(given)))
    with pytest.raises(SendError) as caught:
        acquire(customer.identity, customer.identity.graph_scope)
    assert is_of_the_proxy(caught.value, proxy)
    wanted = "refused the user name and password of ALERTADMIN_HTTPS_PROXY" if given else "has none"
    assert wanted in caught.value.technical


CERTIFICATES = {"stranger": "is not trusted", "expired": "is not trusted", "other_host": "is not trusted"}


@pytest.mark.parametrize(("certificate", "said"), CERTIFICATES.items())
def test_the_certificate_of_a_tls_proxy_is_verified(
    customer: Customer, authorities: Authorities, stack: ExitStack, certificate: str, said: str
) -> None:
    proxy = stack.enter_context(ConnectProxy(tls=getattr(authorities, certificate)))
    outbound_proxy.use(OutboundProxy.parse(proxy.url(LOGIN), ca_file=authorities.ca_file))
    with pytest.raises(SendError) as caught:
        acquire(customer.identity, customer.identity.graph_scope)
    assert is_of_the_proxy(caught.value, proxy)
    assert said in caught.value.technical
    assert proxy.heard == []


@pytest.mark.parametrize(("ca_file", "said"), [("/no/such.pem", "cannot be read"), (__file__, "no certificate")])
def test_a_ca_file_that_cannot_be_used_is_said(
    customer: Customer, authorities: Authorities, stack: ExitStack, ca_file: str, said: str
) -> None:
    proxy = stack.enter_context(ConnectProxy(tls=authorities.good))
    outbound_proxy.use(OutboundProxy.parse(proxy.url(), ca_file=ca_file))
    with pytest.raises(SendError) as caught:
        acquire(customer.identity, customer.identity.graph_scope)
    assert caught.value.cause == "proxy"
    assert "ALERTADMIN_HTTPS_PROXY_CA_FILE" in caught.value.technical
    assert said in caught.value.technical


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_wrong_scheme_of_the_proxy_is_said(
    customer: Customer, authorities: Authorities, stack: ExitStack, scheme: str
) -> None:
    proxy = stack.enter_context(ConnectProxy(tls=authorities.good if scheme == "http" else None))
    outbound_proxy.use(OutboundProxy.parse(f"{scheme}://{proxy.place}"))
    with deadline_sockets.deadline(5), pytest.raises(SendError) as caught:
        acquire(customer.identity, customer.identity.graph_scope)
    assert is_of_the_proxy(caught.value, proxy)


UNREACHABLE = [
    ("http://localhost:1", "cannot be reached: Connection refused"),
    ("http://no-such-proxy.invalid:3128", "name of the proxy no-such-proxy.invalid:3128 is not known"),
]


@pytest.mark.parametrize(("url", "said"), UNREACHABLE)
def test_a_proxy_that_is_not_there_is_said(customer: Customer, url: str, said: str) -> None:
    outbound_proxy.use(OutboundProxy.parse(url))
    with pytest.raises(SendError) as caught:
        acquire(customer.identity, customer.identity.graph_scope)
    assert (caught.value.cause, caught.value.retry) == ("proxy", True)
    assert said in caught.value.technical


@pytest.mark.parametrize("tls", [False, True])
def test_the_final_server_is_verified_in_the_tunnel(authorities: Authorities, stack: ExitStack, tls: bool) -> None:
    """A proxy that opens TLS is not believed, also if its own certificate is trusted."""
    server = stack.enter_context(HttpsServer(authorities.stranger, authorities.ca_file))
    proxy = stack.enter_context(ConnectProxy(tls=authorities.good if tls else None))
    outbound_proxy.use(OutboundProxy.parse(proxy.url(), ca_file=authorities.ca_file if tls else ""))
    with pytest.raises(SendError) as caught:
        acquire(app_of(server.cloud()), "scope")
    assert caught.value.cause == "tls"
    assert server.requests == []


@pytest.mark.parametrize("tls", [False, True])
def test_limits_hold_in_the_tunnel(authorities: Authorities, stack: ExitStack, tls: bool) -> None:
    server = stack.enter_context(HttpsServer(authorities.good, authorities.ca_file))
    server.routes["openid-configuration"] = reply(200, "x" * 1_100_000)
    proxy = stack.enter_context(ConnectProxy(tls=authorities.good if tls else None))
    outbound_proxy.use(OutboundProxy.parse(proxy.url(), ca_file=authorities.ca_file if tls else ""))
    with pytest.raises(SendError) as caught:
        acquire(app_of(server.cloud()), "scope")
    assert "longer than" in caught.value.technical


def test_tls_inside_tls_carries_large_messages_both_ways(authorities: Authorities, stack: ExitStack) -> None:
    server = stack.enter_context(HttpsServer(authorities.good, authorities.ca_file))
    server.routes["echo"] = lambda request: reply(200, request.body.decode())(request)
    proxy = stack.enter_context(ConnectProxy(tls=authorities.good))
    outbound_proxy.use(OutboundProxy.parse(proxy.url(), ca_file=authorities.ca_file))
    from mailer.http.http_session import Session

    with Session(authorities.ca_file) as session:
        for size in (1, 70_000, 900_000):
            assert len(session.post(f"{server.url}/echo", data=b"x" * size).content) == size
    assert len(proxy.asked) == 1
    assert isinstance(authorities.good, ssl.SSLContext)


# Without the proxy. Sources: curl's and Go's httpproxy documentation of NO_PROXY; GitLab, "We need to talk: can we
# standardize NO_PROXY?" (the differences of five languages)

BYPASS: list[tuple[str, str, int, bool]] = [
    ("", "localhost", 443, False),
    ("*", "graph.microsoft.com", 443, True),
    ("localhost", "localhost", 9443, True),
    ("localhost", "localhost.example", 443, False),
    ("plant.example", "plant.example", 443, True),
    ("plant.example", "vault.plant.example", 443, True),
    ("plant.example", "otherplant.example", 443, False),
    (".plant.example", "vault.plant.example", 443, True),
    ("*.plant.example", "vault.plant.example", 443, True),
    ("Plant.Example.", "VAULT.plant.example.", 443, True),
    ("vault.example:8200", "vault.example", 8200, True),
    ("vault.example:8200", "vault.example", 443, False),
    ("10.0.0.0/8", "10.1.2.3", 443, True),
    ("10.0.0.0/8", "11.1.2.3", 443, False),
    ("10.0.0.0/8", "ten.example", 443, False),
    ("10.1.2.3/8", "10.9.9.9", 443, True),
    ("192.168.1.5", "192.168.1.5", 443, True),
    ("192.168.1.5:8443", "192.168.1.5", 8443, True),
    ("192.168.1.5:8443", "192.168.1.5", 443, False),
    ("fd00::/8", "fd00::5", 443, True),
    ("[fd00::5]:8443", "fd00::5", 8443, True),
    ("[fd00::5]", "[fd00::5]", 443, True),
    ("a.example,b.example c.example", "c.example", 443, True),
    ("straße.example", "xn--strae-oqa.example", 443, True),
    ("", "169.254.169.254", 80, True),
    ("", "fe80::1%eth0", 80, True),
]


@pytest.mark.parametrize(("written", "host", "port", "direct"), BYPASS)
def test_hosts_without_the_proxy(written: str, host: str, port: int, direct: bool) -> None:
    assert NoProxy.parse(written).includes(host, port) is direct


def test_a_listed_host_is_reached_directly(customer: Customer, stack: ExitStack) -> None:
    proxy = stack.enter_context(ConnectProxy(answer=b""))
    outbound_proxy.use(OutboundProxy.parse(proxy.url(), "localhost"))
    acquire(customer.identity, customer.identity.graph_scope)
    assert proxy.asked == []


def test_names_that_the_proxy_alone_knows(authorities: Authorities, stack: ExitStack, message: Message) -> None:
    login, graph = "login.cloud.invalid", "graph.cloud.invalid"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authorities.ours.issue_cert(login, graph).configure_cert(context)
    server = stack.enter_context(HttpsServer(context, authorities.ca_file))
    endpoints = {name: f"https://{login}/oauth2/v2.0/{name}" for name in ("authorize", "token")}
    server.routes.update(
        {
            "openid-configuration": reply(
                200,
                {
                    "issuer": f"https://{login}/v2.0",
                    "authorization_endpoint": endpoints["authorize"],
                    "token_endpoint": endpoints["token"],
                },
            ),
            "/token": reply(200, {"token_type": "Bearer", "expires_in": 3599, "access_token": "opaque-7f3a"}),
            "/sendMail": reply(202),
        }
    )
    cloud = server.cloud(authority=f"https://{login}", graph=f"https://{graph}")
    proxy = stack.enter_context(ConnectProxy(names=dict.fromkeys((login, graph), ("127.0.0.1", server.port))))
    with pytest.raises(SendError) as caught:
        create_transport("graph", TokenSource()).send(message, sender_of(cloud))
    assert caught.value.cause == "network"
    outbound_proxy.use(OutboundProxy.parse(proxy.url()))
    create_transport("graph", TokenSource()).send(message, sender_of(cloud))
    assert proxy.asked == [f"{login}:443", f"{graph}:443"]
