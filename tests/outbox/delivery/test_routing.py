"""Routes of a reminder when others fail: the failure is noted, and another route used in the same run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from pytest_django import Settings

from alertadmin.outbox import messages, worker
from alertadmin.outbox.delivery import connections
from alertadmin.outbox.models import Attempt, Delivery, DeliveryState
from alertadmin.outbox.queue.dispatcher import THREADS_PER_LANE
from alertadmin.registry.models import Mailbox
from alertadmin.registry.permissions import TransportName
from alertadmin.stored_messages import render_stored
from sandbox import Sandbox
from tests.conftest import set_environment
from tests.factories import Rows, Site
from tests.outbox.factories import arrived, reminder, reminders
from tests.outbox.fake_clock import Time

MakeSite = Callable[..., Site]


@pytest.fixture
def other(site: Site, make_site: MakeSite) -> Site:
    """Another app of the same customer, whose mailbox can send too."""
    return make_site(beside=site)


def expire(sandbox: Sandbox, site: Site) -> None:
    """Entra takes its secret no longer."""
    [secret] = sandbox.directory.secrets(site.app.client_id)
    sandbox.directory.expire_secret(site.app.client_id, secret)


def sister(site: Site, sandbox: Sandbox, local: str) -> Mailbox:
    """Another mailbox of the same app."""
    address = f"{local}@{site.tenant.domain}"
    sandbox.directory.add_mailbox(site.tenant.directory_id, address)
    return Mailbox.objects.create(tenant=site.tenant, app=site.app, address=address)


def tried(delivery: Delivery) -> list[tuple[str, str, str]]:
    return [
        (attempt.mailbox.address if attempt.mailbox else attempt.route, attempt.outcome, attempt.cause)
        for attempt in delivery.attempts.select_related("mailbox")
    ]


def test_chosen_mailbox_is_tried_first(site: Site, other: Site, relay: Sandbox, time: Time) -> None:
    delivery = reminder(time())
    assert worker.deliver_due(clock=time) == {"sent": 1}
    assert tried(delivery) == [(site.mailbox.address, "accepted", "")]


def test_when_the_secret_that_expired_is_the_one_that_sends_another_mailbox_takes_over(
    site: Site, other: Site, sandbox: Sandbox, time: Time
) -> None:
    site.credential.expires_at = time()
    site.credential.save()
    expire(sandbox, site)
    delivery = reminder(time())
    assert worker.deliver_due(clock=time) == {"sent": 1}
    assert tried(delivery) == [
        (site.mailbox.address, "refused", "secret_expired"),
        (other.mailbox.address, "accepted", ""),
    ]
    [entry] = arrived(sandbox, delivery)
    assert entry["mailbox"] == other.mailbox.address
    assert "expired" in entry["subject"]


def test_when_no_mailbox_sends_the_relay_does(site: Site, other: Site, relay: Sandbox, time: Time) -> None:
    for broken in (site, other):
        expire(relay, broken)
    delivery = reminder(time())
    assert worker.deliver_due(clock=time) == {"sent": 1}
    assert [outcome for _way, outcome, _cause in tried(delivery)] == ["refused", "refused", "accepted"]
    [entry] = arrived(relay, delivery)
    assert (entry["service"], entry["from"]) == ("relay", site.mailbox.address)


def test_the_relay_alone_is_a_way(relay: Sandbox, make_site: MakeSite, time: Time) -> None:
    make_site(days=5, contacts=["duty@northpark.example"]).mailbox.delete()
    delivery = reminder(time())
    assert worker.deliver_due(clock=time) == {"sent": 1}
    assert arrived(relay, delivery)[0]["service"] == "relay"


def test_without_the_key_that_opens_the_secrets_reminders_still_go_out(
    site: Site, other: Site, relay: Sandbox, time: Time
) -> None:
    keys = django_settings.ENVIRONMENT.keys_file
    away = keys.rename(keys.with_suffix(".away"))
    try:
        delivery = reminder(time())
        assert worker.deliver_due(clock=time) == {"sent": 1}
    finally:
        away.rename(keys)
    assert arrived(relay, delivery)[0]["service"] == "relay"
    assert "key file" in render_stored(delivery.attempts.all()[0].technical)


class TestWhatElseCouldSend:
    """Besides the chosen mailbox, some that look healthy, each of another app."""

    def test_a_broken_tenant_with_many_mailboxes_hides_no_healthy_one(
        self, site: Site, make_site: MakeSite, sandbox: Sandbox, time: Time
    ) -> None:
        healthy = make_site(beside=site)
        for number in range(9):
            sister(site, sandbox, f"a{number}")
        expire(sandbox, site)
        Mailbox.objects.filter(pk=healthy.mailbox.pk).update(address=f"z{healthy.mailbox.address}")
        sandbox.directory.add_mailbox(healthy.tenant.directory_id, f"z{healthy.mailbox.address}")
        delivery = reminder(time())
        assert worker.deliver_due(clock=time) == {"sent": 1}
        # The sisters of the first share its secret: they are not even tried.
        assert [outcome for _way, outcome, _cause in tried(delivery)] == ["refused", "accepted"]

    def test_a_fault_of_the_mailbox_itself_leaves_its_sisters_in_use(
        self, site: Site, sandbox: Sandbox, time: Time
    ) -> None:
        spare = sister(site, sandbox, "spare")
        sandbox.directory.remove_mailbox(site.mailbox.address)
        delivery = reminder(time())
        assert worker.deliver_due(clock=time) == {"sent": 1}
        assert tried(delivery) == [
            (site.mailbox.address, "refused", "mailbox_not_found"),
            (spare.address, "accepted", ""),
        ]

    def test_what_is_known_to_have_ended_comes_last_and_what_was_never_stored_is_not_tried(
        self, site: Site, make_site: MakeSite, sandbox: Sandbox, time: Time
    ) -> None:
        """Last but not never: the stored data may be outdated, and there may be no other route."""
        ended, unknown, healthy = make_site(beside=site, days=-1), make_site(beside=site), make_site(beside=site)
        unknown.credential.value = None
        unknown.credential.save()
        for one in (site, healthy):
            expire(sandbox, one)
        delivery = reminder(time())
        assert worker.deliver_due(clock=time) == {"sent": 1}
        assert [way for way, _outcome, _cause in tried(delivery)] == [
            site.mailbox.address,
            healthy.mailbox.address,
            ended.mailbox.address,
        ]

    def test_those_that_failed_last_time_come_last_so_that_each_run_tries_others(
        self, site: Site, make_site: MakeSite, sandbox: Sandbox, time: Time
    ) -> None:
        broken = [make_site(beside=site) for _number in range(6)]
        for one in (site, *broken):
            expire(sandbox, one)
        healthy = make_site(beside=site)
        Mailbox.objects.filter(pk=healthy.mailbox.pk).update(address=f"zz{healthy.mailbox.address}")
        sandbox.directory.add_mailbox(healthy.tenant.directory_id, f"zz{healthy.mailbox.address}")
        delivery = reminder(time())
        assert worker.deliver_due(clock=time) == {"pending": 1}
        time.passes(hours=1)
        assert worker.deliver_due(clock=time) == {"sent": 1}
        assert arrived(sandbox, delivery)[0]["mailbox"] == f"zz{healthy.mailbox.address}"

    def test_ews_online_comes_after_what_microsoft_does_not_switch_off(
        self, site: Site, make_site: MakeSite, sandbox: Sandbox, time: Time
    ) -> None:
        ews = make_site(beside=site, transport=TransportName.EWS)
        graph = make_site(beside=site)
        Mailbox.objects.filter(pk=ews.mailbox.pk).update(address=f"a{ews.mailbox.address}")
        expire(sandbox, site)
        delivery = reminder(time())
        assert worker.deliver_due(clock=time) == {"sent": 1}
        assert tried(delivery)[1:] == [(graph.mailbox.address, "accepted", "")]


@pytest.mark.django_db
def test_a_name_that_cannot_be_looked_up_is_tried_again(
    rows: Rows, relay: Sandbox, time: Time, settings: Settings
) -> None:
    """The recipient may not exist, or may be unknown only at the moment: the delivery is not given up."""
    set_environment(settings, SMTP_URL="smtp://no-such-host.invalid:25")
    rows.credential(rows.app(rows.tenant(contacts=["duty@northpark.example"])), days=5)
    delivery = reminder(time())
    assert worker.deliver_due(clock=time) == {"pending": 1}
    delivery.refresh_from_db()
    assert (delivery.cause, delivery.was_uncertain) == ("network", False)
    set_environment(settings, SMTP_URL=f"smtp://{relay.relay_host}:{relay.relay_port}")
    connections.open_relay.cache_clear()
    time.passes(minutes=2)
    assert worker.deliver_due(clock=time) == {"sent": 1}
    assert len(arrived(relay, delivery)) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "url",
    [
        "smpt://relay.example:25",
        "smtp://relay.example:port",
        "relay.example",
        "smtp://",
        "smtp://[::1",
        "smtp://h/path",
        "smtp://relay.example?ca_file=/no/such.pem",
    ],
)
def test_invalid_relay_address_does_not_affect_other_routes(
    site: Site, time: Time, settings: Settings, url: str
) -> None:
    set_environment(settings, SMTP_URL=url)
    delivery = reminder(time())
    assert connections.relay() is None
    assert connections.relay_error().startswith("The SMTP URL")
    assert worker.deliver_due(clock=time) == {"sent": 1}
    assert tried(delivery) == [(site.mailbox.address, "accepted", "")]


class TestWhatARunLearns:
    @pytest.mark.django_db(transaction=True)
    def test_unavailable_route_is_not_tried_again_in_the_same_run(
        self, site: Site, other: Site, sandbox: Sandbox, time: Time
    ) -> None:
        expire(sandbox, site)
        reminders(site, 20, time())
        assert worker.deliver_due(clock=time) == {"sent": 20}
        # Those four that began at the same moment could not know.
        assert 1 <= Attempt.objects.filter(mailbox=site.mailbox).count() <= THREADS_PER_LANE

    def test_a_next_run_tries_it_again(self, site: Site, other: Site, sandbox: Sandbox, time: Time) -> None:
        sandbox.faults.add("graph", status=403, mailbox=site.mailbox.address)
        [first] = reminders(site, 1, time())
        worker.deliver_due(clock=time)
        assert len(tried(first)) == 2
        [second, _first] = reminders(site, 1, time.passes(days=3))
        worker.deliver_due(clock=time)
        assert tried(second) == [(site.mailbox.address, "accepted", "")]

    @pytest.mark.django_db(transaction=True)
    def test_one_unclassified_failure_leaves_the_route_available(
        self, site: Site, other: Site, sandbox: Sandbox, time: Time
    ) -> None:
        sandbox.faults.add("graph", status=400, body={"error": {"code": "ErrorOdd", "message": "No reason at all."}})
        owed = reminders(site, 12, time())
        assert worker.deliver_due(clock=time) == {"sent": 12}
        # A few went by the other mailbox before this one had worked (see test_fairness).
        assert Attempt.objects.filter(mailbox=site.mailbox, outcome="accepted").count() >= 6
        [odd] = [one for one in owed if len(tried(one)) > 1]
        assert tried(odd) == [(site.mailbox.address, "refused", "other"), (other.mailbox.address, "accepted", "")]

    @pytest.mark.django_db(transaction=True)
    def test_all_due_deliveries_wait_together_if_every_route_is_unavailable(
        self, site: Site, sandbox: Sandbox, time: Time
    ) -> None:
        expire(sandbox, site)
        reminders(site, 40, time())
        worker.deliver_due(clock=time)
        assert Attempt.objects.count() <= THREADS_PER_LANE
        waiting = Delivery.objects.all()
        assert set(waiting.values_list("state", "cause")) == {(DeliveryState.PENDING, "secret_expired")}
        for delivery in waiting:
            assert timedelta(minutes=1) <= delivery.not_before - time() <= timedelta(minutes=1.1)
        # No server is tried again until then, and then only by a few.
        time.passes(seconds=30)
        assert worker.deliver_due(clock=time) == {}
        time.passes(seconds=40)
        worker.deliver_due(clock=time)
        assert Attempt.objects.count() <= 2 * THREADS_PER_LANE


class TestNoWayAtAll:
    def test_it_says_so_and_leaves_as_soon_as_there_is_one(
        self, make_site: MakeSite, sandbox: Sandbox, time: Time
    ) -> None:
        site = make_site(days=5, contacts=["duty@northpark.example"])
        address = site.mailbox.address
        site.mailbox.delete()
        delivery = reminder(time())
        assert worker.deliver_due(clock=time) == {"pending": 1}
        delivery.refresh_from_db()
        assert delivery.reason == messages.NO_ROUTE
        Mailbox.objects.create(tenant=site.tenant, app=site.app, address=address)
        time.passes(minutes=1.1)
        assert worker.deliver_due(clock=time) == {"sent": 1}

    def test_it_is_never_given_up(self, make_site: MakeSite, relay: Sandbox, time: Time, settings: Settings) -> None:
        make_site(days=95, contacts=["duty@northpark.example"]).mailbox.delete()
        set_environment(settings, SMTP_URL="")
        delivery = reminder(time.passes(days=5))
        for _month in range(3):
            assert worker.deliver_due(clock=time) == {"pending": 1}
            time.passes(days=30)
        delivery.refresh_from_db()
        assert (delivery.settled_at, delivery.reason) == (None, messages.NO_ROUTE)
        set_environment(settings, SMTP_URL=f"smtp://{relay.relay_host}:{relay.relay_port}")
        assert worker.deliver_due(clock=time) == {"sent": 1}


class TestRejectedRecipient:
    @pytest.fixture
    def by_relay_alone(self, relay: Sandbox, make_site: MakeSite) -> Site:
        site = make_site(days=5, contacts=["gone@northpark.example"])
        site.mailbox.delete()
        return site

    def test_fails_at_once_if_every_route_rejects_it(self, by_relay_alone: Site, relay: Sandbox, time: Time) -> None:
        relay.faults.add("relay", status=550, stage="rcpt", times=None, body="5.1.1 User unknown in relay table")
        delivery = reminder(time())
        assert worker.deliver_due(clock=time) == {"failed": 1}
        delivery.refresh_from_db()
        assert delivery.cause == "recipient_rejected"
        assert "User unknown" in delivery.reason

    @pytest.mark.parametrize(
        ("status", "words"),
        [
            (450, "4.1.1 Recipient address rejected: user unknown for now"),
            *((550, words) for words in ("5.7.1 no relaying", "Relay access denied", "Relay verweigert", "spam")),
        ],
    )
    def test_is_tried_again_where_that_can_change(
        self, by_relay_alone: Site, relay: Sandbox, time: Time, status: int, words: str
    ) -> None:
        relay.faults.add("relay", status=status, stage="rcpt", body=words)
        delivery = reminder(time())
        assert worker.deliver_due(clock=time) == {"pending": 1}
        delivery.refresh_from_db()
        assert delivery.cause == "recipient_rejected"
        time.passes(hours=1)
        assert worker.deliver_due(clock=time) == {"sent": 1}
        assert arrived(relay, delivery)

    @pytest.mark.django_db(transaction=True)
    def test_waits_for_an_unavailable_route_that_may_accept_it(self, site: Site, relay: Sandbox, time: Time) -> None:
        expire(relay, site)
        relay.faults.add("relay", status=550, stage="rcpt", times=None)
        reminders(site, 12, time())
        assert worker.deliver_due(clock=time) == {"pending": 12}
        assert set(Delivery.objects.values_list("cause", flat=True)) == {"recipient_rejected"}

    @pytest.mark.django_db(transaction=True)
    def test_leaves_the_route_available_for_others(self, by_relay_alone: Site, relay: Sandbox, time: Time) -> None:
        reminders(by_relay_alone, 6, time())
        relay.faults.add("relay", status=550, stage="rcpt", times=None, mailbox="duty3@northpark.example")
        assert worker.deliver_due(clock=time) == {"sent": 5, "failed": 1}
