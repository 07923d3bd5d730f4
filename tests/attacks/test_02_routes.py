"""Item 2: a mail that left by a mailbox whose owners must not read it: each purpose in each state of the routes,
judged by who can read the mailboxes that sent it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from pytest_django import Settings

from alertadmin import audit
from alertadmin.accounts.models import User
from alertadmin.accounts.models.membership import make_owner
from alertadmin.accounts.roles import Role
from alertadmin.accounts.services import invitations, role_grants
from alertadmin.monitoring import system_mails
from alertadmin.outbox import messages, worker
from alertadmin.outbox.delivery import connections
from alertadmin.outbox.delivery.rate_limit import RateLimiter
from alertadmin.outbox.delivery.route_policy import (
    GRANT_ACCESS,
)
from alertadmin.outbox.delivery.routing import Router, RouteWalk
from alertadmin.outbox.mails import consent_request, password_reset
from alertadmin.outbox.mails import invitation as mails_invitation
from alertadmin.outbox.models import Delivery, DeliveryState, Purpose
from alertadmin.registry.credentials import disclosure
from alertadmin.registry.models import ConsentStatus, Contact, Mailbox
from alertadmin.registry.permissions import Permission, TransportName
from alertadmin.reminders.models import CalendarEntry, ReminderKind
from alertadmin.reminders.scan import scanner
from sandbox import Sandbox
from tests.conftest import PASSWORD, set_environment
from tests.factories import Rows, Site
from tests.outbox.factories import arrived, bare
from tests.outbox.fake_clock import Time

MakeSite = Callable[..., Site]

pytestmark = pytest.mark.control(75)


# Each purpose in each state of the routes


class World:
    """A provider with an owner, and two customers: Northpark, of which each mail tells, and Harbour. Both customers'
    mailboxes are well."""

    def __init__(self, make_site: MakeSite, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.provider = make_site(name="Provider")
        self.northpark = make_site(name="Northpark Energy", contacts=["duty@northpark.example"])
        self.harbour = make_site(name="Harbour Logistics")
        self.owner = User.objects.create_user("owner@provider.example", PASSWORD)
        make_owner(self.owner)

    def take(self, state: str, now: datetime) -> None:
        """Brings the provider's mailbox, the one that is chosen, into this state."""
        mailbox, address = self.provider.mailbox, self.provider.mailbox.address
        if state != "none":
            mailbox.sends_reminders = True
            mailbox.save()
        if state == "failing":
            self.sandbox.faults.add("graph", status=403, mailbox=address, times=None)
        elif state == "doubtful":
            self.sandbox.faults.add("graph", status=504, mailbox=address, times=None)
        elif state == "busy":
            fill(mailbox, now)
        elif state == "by smtp":
            mailbox.transport = TransportName.SMTP
            mailbox.save()

    def owe(self, purpose: Purpose, now: datetime) -> Delivery:
        """As the product writes it."""
        match purpose:
            case Purpose.PASSWORD:
                password_reset.send_reset_link(self.owner.email, now)
            case Purpose.INVITATION:
                invitation = invitations.invite("new@provider.example", {None: Role.OWNER}, by=self.owner, now=now)
                mails_invitation.send(invitation, now, by=self.owner)
            case Purpose.CONSENT:
                app, tenant = self.northpark.app, self.northpark.tenant
                app.consents.update_or_create(
                    tenant=tenant, permission=Permission.MAIL_SEND, defaults={"status": ConsentStatus.NOT_IN_TOKEN}
                )
                consent_request.request_consent(app, tenant, "admin@northpark.example", by=self.owner, now=now)
            case Purpose.REMINDER:
                credential = self.northpark.credential
                credential.expires_at = now
                credential.save()
                scanner.run(now)
                return Delivery.objects.get(purpose=purpose, recipient="duty@northpark.example")
            case Purpose.HOUSE:
                bare(1, now, state="failed", cause="recipient_rejected", dedupe_key="of no user")
                system_mails.write(now)
            case Purpose.HANDOVER:
                value = self.northpark.credential
                disclosure.disclose(value, by=self.owner, reason="entered into ALERT", now=now)
            case Purpose.PROOF:
                new = User.objects.create_user("new@provider.example", PASSWORD)
                with transaction.atomic():
                    role_grants.hold_role(new, Role.OWNER, giver=self.owner, now=now)
            case Purpose.ACCOUNT:
                with transaction.atomic():
                    audit.record(audit.AuditAction.PASSWORD_CHANGED, self.owner, now=now)
            case Purpose.CALENDAR:
                [sent] = bare(1, now, state="sent", settled_at=now, dedupe_key="the entry")
                CalendarEntry.objects.create(
                    delivery=sent,
                    recipient="duty@northpark.example",
                    kind=ReminderKind.CREDENTIAL,
                    thing=uuid4(),
                    tenant=self.northpark.tenant,
                    ends_at=now,
                    sequence=1,
                )
                scanner.run(now)
        return Delivery.objects.get(purpose=purpose)

    def read_at(self, delivery: Delivery) -> set[str]:
        """By which mailboxes it left, as the provider or customer whose people read there; "relay"."""
        whose = {site.mailbox.address: site.tenant.name for site in (self.provider, self.northpark, self.harbour)}
        return {
            "relay" if entry["service"] == "relay" else whose[entry["mailbox"]]
            for entry in arrived(self.sandbox, delivery)
        }

    def is_kept(self, delivery: Delivery) -> bool:
        """Whether some mailbox has it among its drafts, or in Sent Items."""
        entries = [entry for entry in self.sandbox.ledger.entries() if entry.get("message_id") == delivery.message_id]
        return any(
            entry["kind"] == "draft" or entry.get("saved", True) for entry in entries if entry["service"] == "graph"
        )


def fill(mailbox: Mailbox, now: datetime) -> None:
    """45 mails within this minute: more than Exchange takes."""
    for delivery in bare(45, now, purpose=Purpose.TEST, state="sent"):
        delivery.attempts.create(
            number=1, owner=delivery.pk, route="x", mailbox=mailbox, started_at=now, finished_at=now, outcome="accepted"
        )


@pytest.fixture
def make_site(sandbox: Sandbox, rows: Rows) -> MakeSite:
    def make(**options: object) -> Site:
        return rows.site(sandbox, **options)  # type: ignore[arg-type]

    return make


@pytest.fixture
def time(now: datetime) -> Time:
    return Time(now)


@pytest.fixture
def world(make_site: MakeSite, sandbox: Sandbox) -> World:
    return World(make_site, sandbox)


STATES = ("well", "busy", "failing", "doubtful", "by smtp", "none")
ONE_OF_EACH_ROW = [Purpose.PASSWORD, Purpose.HANDOVER, Purpose.REMINDER]
THE_OTHERS = [purpose for purpose in Purpose if purpose not in (*ONE_OF_EACH_ROW, Purpose.TEST)]
OF_TENANTS = frozenset({Purpose.REMINDER, Purpose.CALENDAR, Purpose.CONSENT})


def may_read(purpose: Purpose) -> set[str]:
    return {"Provider", "relay", *(["Northpark Energy"] if purpose in OF_TENANTS else [])}


@pytest.mark.control(76)
@pytest.mark.parametrize("has_relay", [False, True], ids=["no relay", "relay"])
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("purpose", ONE_OF_EACH_ROW + [pytest.param(one, marks=pytest.mark.slow) for one in THE_OTHERS])
def test_02_each_purpose_in_each_state_of_the_routes(
    world: World, time: Time, settings: Settings, purpose: Purpose, state: str, has_relay: bool
) -> None:
    """The mail leaves by an allowed route, or waits and says so; other working routes are not used."""
    if has_relay:
        set_environment(settings, SMTP_URL=f"smtp://{world.sandbox.relay_host}:{world.sandbox.relay_port}")
        connections.open_relay.cache_clear()
    world.take(state, time())
    if purpose in GRANT_ACCESS:  # then drafts could be made
        world.sandbox.directory.grant(world.provider.app.client_id, "Mail.ReadWrite")
    delivery = world.owe(purpose, time())
    for _round in range(4):
        worker.deliver_due(clock=time, rate_limiter=RateLimiter(), only=delivery.pk)
        delivery.refresh_from_db()
        if delivery.state == DeliveryState.SENT or state == "busy":
            break
        time.passes(seconds=max(1.0, (delivery.not_before - time()) / timedelta(seconds=1)))
    read_at = world.read_at(delivery)
    assert read_at <= may_read(purpose)
    takes_mail = {"well", *(() if purpose in GRANT_ACCESS else ("by smtp",))}
    has_route = state in takes_mail or has_relay or purpose in OF_TENANTS
    if has_route:
        assert delivery.state == DeliveryState.SENT
        assert len(read_at) == 1
    else:
        assert delivery.state in (DeliveryState.PENDING, DeliveryState.UNCERTAIN)
        assert delivery.reason
        assert not read_at
    if purpose in GRANT_ACCESS:
        assert not world.is_kept(delivery)


@pytest.mark.django_db(transaction=True)
def test_02_forty_five_invitations_and_then_the_owners_reset(world: World, time: Time) -> None:
    """What was done: the chosen mailbox's 30 a minute used up, the link left by a customer's mailbox."""
    world.take("well", time())
    for number in range(45):
        roles: dict[UUID | None, Role] = {world.northpark.tenant.pk: Role.VIEWER}
        invitation = invitations.invite(f"p{number}@northpark.example", roles, by=world.owner, now=time())
        mails_invitation.send(invitation, time(), by=world.owner)
    time.passes(seconds=1)
    delivery = world.owe(Purpose.PASSWORD, time())
    rate_limiter = RateLimiter()
    worker.deliver_due(clock=time, rate_limiter=rate_limiter)
    delivery.refresh_from_db()
    assert Delivery.objects.filter(state=DeliveryState.PENDING).count() == 16
    assert not world.read_at(delivery)
    worker.deliver_due(clock=time, rate_limiter=rate_limiter, pause=time.pause)
    for sent in Delivery.objects.all():
        assert sent.state == DeliveryState.SENT
        assert world.read_at(sent) == {"Provider"}
        assert not world.is_kept(sent)


@pytest.mark.parametrize("change", ["another is chosen", "none is chosen", "it is deleted"])
def test_02_a_run_under_way_sends_no_link_by_a_mailbox_that_was_replaced(
    world: World, time: Time, rows: Rows, change: str
) -> None:
    """A run lasts as long as there is something to send. It goes on with the mailbox that is chosen now."""
    world.take("well", time())
    router = Router.for_reminders(time())
    delivery = world.owe(Purpose.PASSWORD, time())
    old = world.provider.mailbox
    if change == "it is deleted":
        Mailbox.objects.filter(pk=old.pk).delete()
    else:
        Mailbox.objects.filter(pk=old.pk).update(sends_reminders=False)
    if change == "another is chosen":
        Mailbox.objects.filter(pk=world.harbour.mailbox.pk).update(sends_reminders=True)
    assert [way.label for way in router.next_routes(delivery, RouteWalk(), time)] == []
    worker.deliver_due(clock=time, only=delivery.pk)
    assert world.read_at(delivery) == ({"Harbour Logistics"} if change == "another is chosen" else set())


def test_02_a_run_under_way_sends_nothing_by_a_mailbox_that_became_another_tenants(world: World, time: Time) -> None:
    router = Router.for_reminders(time())
    delivery = world.owe(Purpose.REMINDER, time())
    assert [way.mailbox for way in router.routes_for(delivery)] == [world.northpark.mailbox]
    Mailbox.objects.filter(pk=world.northpark.mailbox.pk).update(tenant=world.harbour.tenant)
    assert list(router.next_routes(delivery, RouteWalk(), time)) == []


@pytest.mark.django_db(transaction=True)
def test_02_a_mail_of_two_tenants_leaves_by_neither_ones_mailbox(world: World, time: Time) -> None:
    """A consultant who is a contact of both. With a mailbox of the installation it leaves by that."""
    for site in (world.northpark, world.harbour):
        site.credential.expires_at = time()
        site.credential.save()
        Contact.objects.create(tenant=site.tenant, email="consultant@both.example")
    scanner.run(time())
    both = Delivery.objects.get(purpose=Purpose.REMINDER, recipient="consultant@both.example")
    worker.deliver_due(clock=time)
    both.refresh_from_db()
    assert (both.state, both.reason) == (DeliveryState.PENDING, messages.NO_TENANT_ROUTE)
    world.take("well", time())
    time.passes(hours=1)
    worker.deliver_due(clock=time)
    assert world.read_at(Delivery.objects.get(pk=both.pk)) == {"Provider"}


def test_02_what_is_repeated_stays_the_mail_of_those_that_it_told_of(world: World, time: Time) -> None:
    """Words of two tenants that may have arrived, of which one tenant's is no longer owed: they still tell of both."""
    world.take("doubtful", time())
    for site in (world.northpark, world.harbour):
        site.credential.expires_at = time()
        site.credential.save()
        Contact.objects.create(tenant=site.tenant, email="consultant@both.example")
    scanner.run(time())
    both = Delivery.objects.get(purpose=Purpose.REMINDER, recipient="consultant@both.example")
    worker.deliver_due(clock=time, only=both.pk)
    both.refresh_from_db()
    assert both.was_uncertain
    world.harbour.credential.delete()
    for _round in range(5):
        time.passes(hours=1)
        worker.deliver_due(clock=time, only=both.pk)
    assert {attempt.mailbox for attempt in both.attempts.all()} == {world.provider.mailbox}


@pytest.mark.django_db(transaction=True)
def test_02_a_reminder_to_the_providers_people_leaves_by_no_customers_mailbox(world: World, time: Time) -> None:
    """It tells of one customer alone, whose mailbox is well: in its Sent Items the provider's people could be read."""
    world.northpark.credential.expires_at = time()
    world.northpark.credential.save()
    scanner.run(time())
    to_staff = Delivery.objects.get(purpose=Purpose.REMINDER, recipient=world.owner.email)
    worker.deliver_due(clock=time)
    to_staff.refresh_from_db()
    assert to_staff.state == DeliveryState.PENDING
    assert not to_staff.attempts.exists()


def test_02_with_one_tenant_nothing_needs_choosing(make_site: MakeSite, sandbox: Sandbox, time: Time) -> None:
    """Its first mailbox is the installation's: a second one, added later and sorted first, never is, even without the
    first."""
    site = make_site(name="Northpark Energy")
    owner = User.objects.create_user("owner@northpark.example", PASSWORD)
    make_owner(owner)
    later = make_site(beside=site)
    Mailbox.objects.filter(pk=site.mailbox.pk).update(created_at=time() - timedelta(days=1))
    sandbox.faults.add("graph", status=403, mailbox=site.mailbox.address)
    password_reset.send_reset_link(owner.email, time())
    delivery = Delivery.objects.get()
    assert worker.deliver_due(clock=time) == {"pending": 1}
    time.passes(minutes=2)
    assert worker.deliver_due(clock=time) == {"sent": 1}
    assert {attempt.mailbox for attempt in delivery.attempts.all()} == {site.mailbox}
    assert later.mailbox not in {attempt.mailbox for attempt in delivery.attempts.all()}
