"""Complex outages: several endpoints at once, alternating, for some mailboxes, without end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest

from alertadmin.outbox.delivery.rate_limit import PER_MINUTE
from alertadmin.outbox.models import Attempt, Delivery, DeliveryState
from tests.outages import answers
from tests.outages.answers import ProviderAnswer, plain
from tests.outages.provider import Provider
from tests.outages.scenario import BEGIN, Scenario, Verdict, installed
from tests.outbox.fake_clock import Time

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
GATEWAY_TIMEOUT = answers.GATEWAY_TIMEOUT
SECRET_EXPIRED = plain(
    401,
    b'{"error": "invalid_client", "error_description": "AADSTS7000222: The provided client secret keys are expired."}',
    Content_Type="application/json",
)
Begin = Callable[..., Scenario]


@pytest.fixture
def begin(provider: Provider, time: Time) -> Iterator[Begin]:
    """A scenario whose reminders have just fallen due."""
    with ExitStack() as stack:

        def make(*, relay: bool = False, drafts: bool = False, last_resort: bool = False, **options: Any) -> Scenario:
            stack.enter_context(installed(provider, relay=relay))
            scenario = Scenario.begin(provider, time, **options)
            provider.store.allows_drafts = drafts
            if last_resort:
                scenario.add_webhook(line=None, is_last_resort=True)
            scenario.scan()
            return scenario

        yield make


def kept(scenario: Scenario, *, within: timedelta, copies: int = 0) -> Verdict:
    """Lives on until all is settled: nothing is lost, late or copied without need."""
    scenario.live()
    verdict = scenario.verdict()
    assert verdict.is_kept, verdict
    assert verdict.late_by <= within, verdict
    assert verdict.copies <= copies, verdict
    return verdict


def endpoints_of(scenario: Scenario) -> set[str]:
    return {one.endpoint for one in scenario.provider.ledger.all()}


def test_two_minutes_of_504_at_all_mailboxes_send_sixty_mails_by_the_relay(begin: Begin, provider: Provider) -> None:
    """The case that lost 60 of 60."""
    scenario = begin(relay=True, transports=("graph",) * 12, recipients=60)
    provider.outage("graph", GATEWAY_TIMEOUT, timedelta(seconds=150))
    verdict = kept(scenario, within=5 * MINUTE)
    assert (verdict.owed, verdict.arrived) == (60, 60)
    # Only the first few were tried at an endpoint that answers none.
    assert Attempt.objects.filter(transport="graph", delivery__in=scenario.deliveries).count() <= 20


@pytest.mark.slow
def test_two_minutes_of_504_behind_which_mails_were_accepted_repeat_only_those(
    begin: Begin, provider: Provider
) -> None:
    scenario = begin(relay=True, transports=("graph",) * 12, recipients=60)
    provider.outage("graph", GATEWAY_TIMEOUT.accepting(), timedelta(seconds=150))
    kept(scenario, within=5 * MINUTE, copies=20)


@pytest.mark.slow
def test_without_another_route_all_are_sent_after_recovery(begin: Begin, provider: Provider) -> None:
    scenario = begin(transports=("graph",) * 3, recipients=30)
    provider.outage("graph", answers.BAD_GATEWAY, 30 * MINUTE)
    kept(scenario, within=75 * MINUTE)


def test_the_message_fails_though_the_token_came(begin: Begin, provider: Provider) -> None:
    scenario = begin(relay=True)
    provider.outage("graph", answers.REFUSED_CONNECTION, HOUR)
    kept(scenario, within=MINUTE)
    assert endpoints_of(scenario) == {"relay"}


def test_retry_after_of_a_day_uses_another_route(begin: Begin, provider: Provider) -> None:
    scenario = begin(relay=True)
    provider.outage("graph", ProviderAnswer("busy", http=plain(429, Retry_After="86400")), MINUTE)
    kept(scenario, within=MINUTE)


def test_without_another_route_it_is_retried_after_the_day(begin: Begin, provider: Provider) -> None:
    scenario = begin()
    provider.outage("graph", ProviderAnswer("busy", http=plain(429, Retry_After="86400")), MINUTE)
    kept(scenario, within=DAY + 3 * HOUR)


@pytest.mark.slow
@pytest.mark.parametrize("relay", [False, True])
def test_flapping_route(begin: Begin, provider: Provider, relay: bool) -> None:
    scenario = begin(relay=relay, recipients=5)
    for number in range(60):
        provider.outage("graph", answers.CUT_AFTER, 2 * MINUTE, begin=BEGIN + 3 * number * MINUTE)
    kept(scenario, within=20 * MINUTE if relay else 3 * HOUR + HOUR)


@pytest.mark.parametrize("first", [answers.REFUSED_CONNECTION, answers.CUT_AFTER], ids=lambda one: one.name)
def test_the_relay_is_away_in_the_first_half_and_graph_in_all_of_it(
    begin: Begin, provider: Provider, first: ProviderAnswer
) -> None:
    scenario = begin(relay=True)
    provider.outage("relay", first, HOUR)
    provider.outage("graph", GATEWAY_TIMEOUT, 2 * HOUR)
    kept(scenario, within=2 * HOUR + 10 * MINUTE)
    assert endpoints_of(scenario) == {"relay"}


@pytest.mark.slow
def test_graph_comes_back_before_the_relay_does(begin: Begin, provider: Provider) -> None:
    scenario = begin(relay=True)
    provider.outage("graph", GATEWAY_TIMEOUT, HOUR)
    provider.outage("relay", answers.CUT_AFTER, 2 * DAY)
    kept(scenario, within=2 * HOUR + 10 * MINUTE)
    assert endpoints_of(scenario) == {"graph"}


@pytest.mark.slow
def test_everything_is_away_and_each_says_so_in_another_way(begin: Begin, provider: Provider) -> None:
    scenario = begin(relay=True, transports=("graph", "ews", "smtp"), recipients=4)
    for endpoint, answer in (
        ("graph", answers.PROXY_PAGE),
        ("ews", answers.BARE_500),
        ("smtp", answers.CUT_AFTER),
        ("relay", answers.BROKEN_REPLY),
    ):
        provider.outage(endpoint, answer, HOUR)
    kept(scenario, within=2 * HOUR + 10 * MINUTE)


def test_a_mailbox_that_is_forbidden_for_ever_holds_nothing_up(begin: Begin, provider: Provider) -> None:
    scenario = begin()
    provider.store.forbidden.add(scenario.mailboxes[0].address.lower())
    provider.outage("graph", GATEWAY_TIMEOUT, 5 * MINUTE)
    kept(scenario, within=15 * MINUTE)
    assert {one.mailbox for one in provider.ledger.all()} == {scenario.mailboxes[1].address}


def test_recipient_refused_by_one_route_and_uncertain_by_another(begin: Begin, provider: Provider) -> None:
    scenario = begin(relay=True, recipients=2)
    provider.store.unknown_recipients["graph"] = {"duty0@northpark.example"}
    provider.outage("relay", answers.CUT_AFTER, 10 * MINUTE)
    kept(scenario, within=30 * MINUTE)
    assert endpoints_of(scenario) == {"graph", "relay"}


def test_recipient_refused_by_every_route_fails_without_uncertainty(begin: Begin, provider: Provider) -> None:
    scenario = begin(relay=True, recipients=1)
    provider.store.unknown_recipients["graph"] = provider.store.unknown_recipients["relay"] = {
        "duty0@northpark.example"
    }
    provider.outage("graph", GATEWAY_TIMEOUT, 10 * MINUTE)
    scenario.live()
    assert Delivery.objects.get().state == DeliveryState.FAILED


class TestDrafts:
    """Where the app may keep drafts, they are asked."""

    def test_a_draft_whose_sending_is_in_doubt_is_looked_up_and_never_sent_twice(
        self, begin: Begin, provider: Provider
    ) -> None:
        scenario = begin(relay=True, drafts=True)
        provider.outage("graph", GATEWAY_TIMEOUT.accepting(), 5 * MINUTE, operation="send")
        kept(scenario, within=0 * MINUTE)

    def test_a_draft_that_was_not_sent_is_sent_later_that_very_one(self, begin: Begin, provider: Provider) -> None:
        scenario = begin(drafts=True)
        provider.outage("graph", GATEWAY_TIMEOUT, 5 * MINUTE, operation="send")
        kept(scenario, within=15 * MINUTE)

    def test_a_mailbox_that_cannot_be_asked_holds_the_mail_up_for_ten_minutes(
        self, begin: Begin, provider: Provider
    ) -> None:
        scenario = begin(relay=True, drafts=True)
        provider.outage("graph", answers.CUT_AFTER, MINUTE, operation="send")
        provider.outage("graph", answers.CUT_AFTER, DAY, operation="get")
        provider.outage("graph", answers.CUT_AFTER, DAY, begin=BEGIN + MINUTE)
        kept(scenario, within=20 * MINUTE)

    def test_no_draft_is_left_behind(self, begin: Begin, provider: Provider) -> None:
        scenario = begin(relay=True, drafts=True, recipients=3)
        provider.outage("graph", GATEWAY_TIMEOUT.accepting(), 30 * MINUTE, operation="create")
        kept(scenario, within=20 * MINUTE)
        for _number in range(40):
            scenario.time.passes(5 * MINUTE)
            scenario.run()
        assert [draft for draft in provider.store.drafts.values() if draft.is_draft] == []


def test_the_channel_of_last_resort_tells_what_no_mail_could(begin: Begin, provider: Provider) -> None:
    scenario = begin(last_resort=True, recipients=2)
    provider.outage("graph", GATEWAY_TIMEOUT, 2 * DAY)
    kept(scenario, within=20 * MINUTE)
    assert endpoints_of(scenario) == {"webhook"}


def test_nearer_reminder_is_sent_instead(begin: Begin, provider: Provider, time: Time) -> None:
    """The first threshold is due as the outage begins, the next one before it ends."""
    scenario = begin(recipients=2, days=3.5)
    provider.outage("graph", GATEWAY_TIMEOUT, 2 * DAY)
    scenario.live(until=DAY)
    scenario.scan()
    assert len(scenario.deliveries) == 4
    scenario.live()
    verdict = scenario.verdict()
    assert (verdict.arrived, verdict.copies) == (2, 0)
    states = Delivery.objects.order_by("created_at").values_list("state", flat=True)
    assert list(states) == [DeliveryState.CANCELLED] * 2 + [DeliveryState.SENT] * 2


@pytest.mark.parametrize("drafts", [False, True])
def test_the_mailbox_that_left_a_doubt_is_removed(begin: Begin, provider: Provider, drafts: bool) -> None:
    scenario = begin(drafts=drafts)
    provider.outage("graph", answers.CUT_AFTER, 10 * MINUTE)
    scenario.run()
    scenario.mailboxes[0].delete()
    kept(scenario, within=30 * MINUTE)


def test_the_secret_that_sends_expires_in_the_outage(begin: Begin, provider: Provider) -> None:
    scenario = begin(transports=("graph", "ews"))
    provider.outage("graph", GATEWAY_TIMEOUT, 10 * MINUTE)
    provider.outage("ews", answers.CUT_AFTER, HOUR)
    provider.outage("token", ProviderAnswer("expired", http=SECRET_EXPIRED), 30 * MINUTE, begin=BEGIN + MINUTE)
    kept(scenario, within=2 * HOUR)


@pytest.mark.slow
def test_a_thousand_that_waited_leave_at_the_pace_that_mailboxes_are_allowed(begin: Begin, provider: Provider) -> None:
    scenario = begin(recipients=1000)
    provider.outage("graph", GATEWAY_TIMEOUT, 10 * MINUTE)
    kept(scenario, within=20 * MINUTE + (1000 / (2 * PER_MINUTE)) * MINUTE + 10 * MINUTE)
    # Meanwhile the endpoint that answers none was not stormed.
    during = Attempt.objects.filter(started_at__lt=BEGIN + 10 * MINUTE)
    assert during.count() <= 100
