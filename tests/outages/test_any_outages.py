"""Random outages: any answers, by any endpoints, overlapping, for any time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.outages.answers import ANSWERS, ProviderAnswer
from tests.outages.cells import is_possible
from tests.outages.provider import Provider
from tests.outages.scenario import BEGIN, Scenario, installed
from tests.outbox.fake_clock import Time

pytestmark = pytest.mark.django_db(transaction=True)

LONGEST_WAIT = timedelta(hours=4, minutes=30)
"""After the last outage: the longest wait in doubt, its scatter, and the next run."""
ENDPOINTS = {"relay": "relay alone", "token": "graph"}
"""The answers that this endpoint can give, as named in the table."""


@dataclass(frozen=True)
class Trouble:
    endpoint: str
    answer: ProviderAnswer
    begin: timedelta
    length: timedelta
    operation: str = ""

    @property
    def end(self) -> timedelta:
        return self.begin + self.length


@st.composite
def troubles(draw: st.DrawFn, endpoints: list[str]) -> Trouble:
    endpoint = draw(st.sampled_from(endpoints))
    possible = [one for one in ANSWERS if is_possible(one, ENDPOINTS.get(endpoint, endpoint), relay=False)]
    return Trouble(
        endpoint,
        draw(st.sampled_from(possible)),
        begin=draw(st.sampled_from([0, 0, 1, 3, 10, 45])) * timedelta(minutes=1),
        length=draw(st.sampled_from([1, 3, 10, 60, 600])) * timedelta(minutes=1),
        operation=draw(st.sampled_from(["", "", "create", "send", "get", "sendMail"])) if endpoint == "graph" else "",
    )


@dataclass(frozen=True)
class Plan:
    transports: tuple[str, ...]
    relay: bool
    drafts: bool
    last_resort: bool
    recipients: int
    troubles: tuple[Trouble, ...]


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    transports = tuple(draw(st.lists(st.sampled_from(["graph", "graph", "ews", "smtp"]), min_size=1, max_size=3)))
    endpoints = ["token", "relay", "webhook", *transports]
    return Plan(
        transports,
        relay=draw(st.booleans()),
        drafts=draw(st.booleans()),
        last_resort=draw(st.integers(0, 3)) == 0,
        recipients=draw(st.integers(1, 4)),
        troubles=tuple(draw(st.lists(troubles(endpoints), min_size=1, max_size=5))),
    )


def check(plan: Plan, provider: Provider, time: Time) -> None:
    with installed(provider, relay=plan.relay):
        scenario = Scenario.begin(provider, time, transports=plan.transports, recipients=plan.recipients)
        provider.store.allows_drafts = plan.drafts
        if plan.last_resort:
            scenario.add_webhook(line=None, is_last_resort=True)
        scenario.scan()
        for one in plan.troubles:
            provider.outage(one.endpoint, one.answer, one.length, begin=BEGIN + one.begin, operation=one.operation)
        scenario.live()
        verdict = scenario.verdict()
        assert verdict.is_kept, verdict
        assert verdict.late_by <= max(one.end for one in plan.troubles) + LONGEST_WAIT, verdict


QUIET = list(HealthCheck)


@pytest.mark.postgresql
@settings(max_examples=4, derandomize=True, deadline=None, suppress_health_check=QUIET)
@given(plan=plans())
def test_outages_of_any_kind_lose_nothing(plan: Plan, provider: Provider, time: Time) -> None:
    """The same each time, so that a change alone can break it."""
    check(plan, provider, time)


@pytest.mark.slow
@settings(max_examples=200, deadline=None, suppress_health_check=QUIET)
@given(plan=plans())
def test_many_more_of_them_lose_nothing_either(plan: Plan, provider: Provider, time: Time) -> None:
    check(plan, provider, time)
