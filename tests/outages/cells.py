"""The table: each answer, at each transport, with and without a relay, for each length of an outage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import product

from tests.outages.answers import (
    ANSWERS,
    BARE_500,
    PROXY_PAGE,
    REFUSED_CONNECTION,
    SILENCE,
    TRUNCATED,
    UNKNOWN_HOST,
    ProviderAnswer,
)
from tests.outages.provider import Provider
from tests.outages.scenario import Scenario, Verdict, installed
from tests.outbox.fake_clock import Time

LENGTHS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(hours=1), timedelta(days=2))
TRANSPORTS = ("graph", "graph with drafts", "ews", "smtp", "relay alone", "webhook")
RECIPIENTS = 2
OF_THE_TOKEN = (REFUSED_CONNECTION, UNKNOWN_HOST, SILENCE, BARE_500, PROXY_PAGE)
"""What the token endpoint is tried with, before any message leaves."""


@dataclass(frozen=True)
class Cell:
    answer: ProviderAnswer
    transport: str
    relay: bool
    length: timedelta
    at_token: bool = False
    """The outage is the token endpoint's."""

    @property
    def label(self) -> str:
        where = f"{self.transport}, token endpoint" if self.at_token else self.transport
        other = "relay" if self.relay else "no relay"
        return f"{self.answer.name} · {where} · {other} · {words(self.length)}"

    @property
    def endpoint(self) -> str:
        if self.at_token:
            return "token"
        return {"graph with drafts": "graph", "relay alone": "relay"}.get(self.transport, self.transport)

    @property
    def latest(self) -> timedelta:
        """Latest permitted time of the last mail. With a healthy relay it does not wait for the end of the outage."""
        if self.relay:
            return timedelta(minutes=20)
        # Waits grow with the age of the outage: to twice its length, and to at most some hours after it.
        return min(2 * self.length + timedelta(minutes=5), self.length + timedelta(hours=4, minutes=30))


def words(length: timedelta) -> str:
    minutes = length // timedelta(minutes=1)
    return f"{minutes // 1440} d" if minutes >= 1440 else f"{minutes // 60} h" if minutes >= 60 else f"{minutes} min"


def cells() -> Iterator[Cell]:
    for answer, transport, relay, length in product(ANSWERS, TRANSPORTS, (False, True), LENGTHS):
        if is_possible(answer, transport, relay=relay):
            yield Cell(answer, transport, relay, length)
    for answer, transport, relay, length in product(OF_THE_TOKEN, ("graph", "ews", "smtp"), (False, True), LENGTHS):
        yield Cell(answer, transport, relay, length, at_token=True)


def is_possible(answer: ProviderAnswer, transport: str, *, relay: bool) -> bool:
    if transport in ("relay alone", "webhook"):
        if relay or answer.connection == "untrusted certificate":  # neither speaks TLS here
            return False
        if transport == "webhook" and answer.name.startswith(TRUNCATED.name):  # a 2xx is a yes (docs/webhooks.md)
            return False
        if transport == "relay alone" and answer.smtp and answer.smtp[0] == "AUTH":
            return False
    return answer.speaks_smtp if transport in ("smtp", "relay alone") else answer.speaks_http


def play(cell: Cell, provider: Provider, time: Time) -> Verdict:
    """The outage begins at the moment at which the reminders fall due."""
    with installed(provider, relay=cell.relay or cell.transport == "relay alone"):
        transport = cell.transport.partition(" ")[0]
        mailboxes = () if cell.transport in ("relay alone", "webhook") else (transport, transport)
        people = 0 if cell.transport == "webhook" else RECIPIENTS
        scenario = Scenario.begin(provider, time, transports=mailboxes, recipients=people)
        provider.store.allows_drafts = cell.transport == "graph with drafts"
        if cell.transport == "webhook":
            scenario.add_webhook(tenant=scenario.owing_tenant)
        scenario.scan()
        provider.outage(cell.endpoint, cell.answer, cell.length)
        scenario.live()
        return scenario.verdict()
