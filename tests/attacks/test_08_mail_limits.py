"""Item 8: one user makes a thousand attempts by every page and command that causes mail.

The limits are the real ones. Notifications of affected users (owners of a disclosed secret, the user of an account)
are gathered instead of refused: none is lost, and no thousand mails are sent.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import transaction
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from alertadmin.accounts import throttling
from alertadmin.accounts.models import User
from alertadmin.accounts.models.invitation import Invitation
from alertadmin.accounts.models.membership import Membership, make_owner
from alertadmin.accounts.roles import Role
from alertadmin.accounts.services import invitations, users
from alertadmin.audit import AuditAction, AuditEntry
from alertadmin.audit.actor import Actor, acting_as
from alertadmin.dashboard.deliveries.views import count_repeat
from alertadmin.monitoring import owner_notices
from alertadmin.monitoring.models import SystemMail, SystemMailKind
from alertadmin.outbox import mail_limits
from alertadmin.outbox.mail_limits import TooManyMails
from alertadmin.outbox.mails import composers, consent_request, entry_mails, password_reset, renewal_request
from alertadmin.outbox.mails import invitation as mails_invitation
from alertadmin.outbox.models import Channel, Delivery, Purpose
from alertadmin.outbox.queue import manual_actions
from alertadmin.outbox.send_test import test_send
from alertadmin.paths import PACKAGE
from alertadmin.registry.credentials import disclosure
from alertadmin.registry.models import Consent, ConsentStatus, Credential, Mailbox
from alertadmin.reminders.scan import scanner
from tests.factories import Rows
from tests.helpers.login import signed_in_at
from tests.outbox.factories import bare

pytestmark = [pytest.mark.control(116), pytest.mark.postgresql]
Door = Callable[[int], None]
ATTEMPTS = 1000
CAUSED = (Purpose.INVITATION, Purpose.PROOF, Purpose.CONSENT, Purpose.RENEWAL, Purpose.TEST)
GATHERED = (Purpose.HANDOVER, Purpose.ACCOUNT)


class Attacker:
    """An owner: nothing but limits stands in the way. `site` tells apart what the attempts are about."""

    def __init__(self, rows: Rows, user: User, now: datetime) -> None:
        self.rows, self.user, self.now = rows, user, now
        self.tenants = [rows.tenant(f"T{number}", [f"duty@t{number}.example"]) for number in range(10)]
        self.apps = [rows.app(one, permissions=["Mail.Send"]) for one in self.tenants]
        self.mailboxes = [
            Mailbox.objects.create(tenant=one.tenant, app=one, address=f"alarms@t{number}.example")
            for number, one in enumerate(self.apps)
        ]
        for app in self.apps:
            Consent.objects.create(
                app=app, tenant=app.tenant, permission="Mail.Send", status=ConsentStatus.NOT_IN_TOKEN
            )
        self.credential = rows.credential(self.apps[0])
        self.colleague = User.objects.create(email="grace@provider.example")
        Membership.objects.create(user=self.colleague, role=Role.VIEWER)
        [self.doubtful] = bare(
            1, now, state="uncertain", was_uncertain=True, settled_at=now, recipient="victim@victim.example"
        )
        self.browser = signed_in_at(Client(), user)

    def invite(self, number: int) -> None:
        with transaction.atomic():
            made = invitations.invite(f"v{number}@v{number}.example", {None: Role.VIEWER}, by=self.user, now=self.now)
            mails_invitation.send(made, self.now, by=self.user)

    def renew(self, number: int) -> None:
        found = Invitation.objects.order_by("pk")[number % Invitation.objects.count()]
        with transaction.atomic():
            invitations.renew(found, self.now)
            mails_invitation.send(found, self.now, by=self.user)

    def ask_consent(self, number: int) -> None:
        app = self.apps[number % 10]
        consent_request.request_consent(app, app.tenant, f"c{number}@c{number}.example", by=self.user, now=self.now)

    def ask_renewal(self, number: int) -> None:
        tenant, to = self.tenants[number % 10], f"r{number}@r{number}.example"
        renewal_request.request_renewal(
            tenant, [self.credential], to, by=self.user, key=f"{self.now}:{number}", now=self.now
        )

    def test(self, number: int) -> None:
        to = ("victim@victim.example", f"x{number}@victim.example", "duty@t1.example")[number % 3]
        test_send.start(self.mailboxes[number % 10], to, by=self.user, now=self.now)

    def test_as_another(self, number: int) -> None:
        mailbox = self.mailboxes[number % 10]
        test_send.start(mailbox, self.user.email, sends_as=f"s{number}@x.example", by=self.user, now=self.now)

    def test_channel(self, number: int) -> None:
        channel = Channel.objects.create(
            name=f"C{number}", service="webhook", label="Webhook", hint=f"h{number}.example", tenant=self.tenants[0]
        )
        test_send.start_for_channel(channel, by=self.user, now=self.now)

    def send_again(self, _number: int) -> None:
        Delivery.objects.filter(pk=self.doubtful.pk).update(state="uncertain", was_uncertain=True, settled_at=self.now)
        with transaction.atomic():
            count_repeat(self.doubtful, self.user, self.now)
            manual_actions.send_now(self.doubtful.pk, self.now)

    def monthly(self, number: int) -> None:
        with transaction.atomic():
            mail_limits.count_each(self.user, [f"m{number}-{one}@m{number}.example" for one in range(3)], self.now)

    def ask_reset(self, number: int) -> None:
        """Signed out, from one network."""
        address = f"r{number}@provider.example"
        request = RequestFactory().post("/forgotten-password/", REMOTE_ADDR="192.0.2.7")
        throttling.throttle(request, address, throttling.PASSWORD_RESET, self.now)
        password_reset.send_reset_link(address, self.now)

    def show_secret(self, number: int) -> None:
        secret = self.rows.credential(self.rows.app(self.tenants[0], name=f"S{number}"), value="CANARY~doors-0123")
        disclosure.disclose(secret, by=self.user, reason="x", now=self.now)

    def give_role(self, number: int) -> None:
        """In all tenants, to an account whose address is not proven: a mail with a link goes there."""
        person = User.objects.create(email=f"n{number}@n{number}.example")
        users.set_role(person, None, Role.OPERATOR, by=self.user)

    def change_role(self, number: int) -> None:
        role = Role.OPERATOR if number % 2 else Role.VIEWER
        users.set_role(self.colleague, None, role, by=self.user)

    def change_route(self, number: int) -> None:
        with transaction.atomic():
            owner_notices.notify_owners(self.mailboxes[number % 10], self.now)

    @property
    def doors(self) -> list[Door]:
        return [
            self.invite, self.renew, self.ask_consent, self.ask_renewal, self.test, self.test_as_another,
            self.test_channel, self.send_again, self.monthly, self.ask_reset, self.show_secret,
            self.give_role, self.change_role, self.change_route,
        ]  # fmt: skip


@pytest.fixture
def attacker(rows: Rows, administrator: User) -> Attacker:
    make_owner(User.objects.create(email="second@provider.example"))
    return Attacker(rows, administrator, timezone.now())


def attempt_all(attacker: Attacker) -> Counter[str]:
    """How often each door let one through."""
    let: Counter[str] = Counter()
    doors = attacker.doors
    with acting_as(Actor("request", address="192.0.2.7", get_person=lambda: attacker.user)):
        for number in range(ATTEMPTS):
            door = doors[number % len(doors)]
            try:
                door(number)
            except (TooManyMails, throttling.Throttled):
                continue
            let[door.__name__] += 1
    return let


def test_08_a_thousand_attempts_by_one_person_over_all_doors(attacker: Attacker, settings: object) -> None:
    let = attempt_all(attacker)
    caused = Delivery.objects.filter(purpose__in=CAUSED)
    written_to = Counter(caused.values_list("recipient", flat=True))
    assert caused.count() <= mail_limits.PERSON.most
    known = {"duty@t1.example", *User.objects.values_list("email", flat=True)}
    by_mail = caused.filter(channel_label="")
    strangers = by_mail.exclude(recipient__in=known).count() + 3 * let["monthly"]
    assert 0 < strangers <= mail_limits.PERSON_TO_STRANGERS.most
    assert all(count <= mail_limits.RECIPIENT.most for to, count in written_to.items() if to != attacker.user.email)
    domains = Counter(one.rpartition("@")[2] for one in by_mail.values_list("recipient", flat=True))
    assert max(domains.values()) <= mail_limits.DOMAIN.most
    assert Delivery.objects.filter(purpose=Purpose.PASSWORD).count() <= throttling.PASSWORD_RESET_NETWORK.most
    assert AuditEntry.objects.filter(act=AuditAction.DELIVERY_HASTENED).count() <= mail_limits.RECIPIENT.most
    # Told, all of it, by few mails.
    few = entry_mails.SEPARATE_MAILS.most + 1
    assert Delivery.objects.filter(purpose=Purpose.HANDOVER).count() == 2 * few  # two owners
    assert Delivery.objects.filter(purpose=Purpose.ACCOUNT).count() <= few
    routes = Delivery.objects.filter(letters__kind=SystemMailKind.ROUTE).distinct()
    assert routes.count() <= 2 * few
    assert min(let["show_secret"], let["change_route"]) >= ATTEMPTS // len(attacker.doors), "never refused"
    assert SystemMail.objects.filter(kind=SystemMailKind.ROUTE, recipient=attacker.user.email).count() == (
        AuditEntry.objects.filter(act=AuditAction.INSTALLATION_ROUTE_CHANGED).count()
    )
    shown = [
        words.text.count("displayed the secret’s value.")
        for one in Delivery.objects.filter(purpose=Purpose.HANDOVER, recipient=attacker.user.email)
        if isinstance(words := composers.compose(one, attacker.now), composers.Content)
    ]
    assert sum(shown) == let["show_secret"]
    # What the product owes is not held up by it.
    Credential.objects.update(expires_at=attacker.now + timedelta(days=1))
    scanner.run(attacker.now)
    reminded = Delivery.objects.filter(purpose=Purpose.REMINDER, created_at=attacker.now, recipient="duty@t0.example")
    assert reminded.count() == 1


@pytest.mark.parametrize(
    "door", ["invite", "ask_consent", "ask_renewal", "give_role", "test", "test_as_another", "test_channel"]
)
def test_08_each_door_is_shut_when_the_person_has_used_up_theirs(attacker: Attacker, door: str) -> None:
    for _one in range(mail_limits.PERSON.most):
        mail_limits.PERSON.acquire(str(attacker.user.pk), attacker.now)
    before = Delivery.objects.count()
    with pytest.raises(TooManyMails):
        getattr(attacker, door)(0)
    assert Delivery.objects.count() == before


def test_08_pages_answer_that_it_is_too_much(attacker: Attacker, rows: Rows) -> None:
    for _one in range(mail_limits.PERSON.most):
        mail_limits.PERSON.acquire(str(attacker.user.pk), attacker.now)
    browser, mailbox = attacker.browser, attacker.mailboxes[0]
    channel = Channel.objects.create(name="C", service="webhook", label="Webhook", hint="h.example")
    before = Delivery.objects.count()
    answers = [
        browser.post(reverse("test-send", args=[mailbox.pk]), {"recipient": "x@x.example", "transport": "graph"}),
        browser.post(reverse("mailbox-scope", args=[mailbox.pk]), {"other": "y@t0.example"}),
        browser.post(reverse("channel-test", args=[channel.pk]), follow=True),
        browser.post(reverse("delivery-hasten", args=[attacker.doubtful.pk])),
        browser.post(reverse("watching"), {"is_on": "on", "day": "1", "emails": "m@m.example"}),
        browser.post(reverse("invite"), {"address": "x@x.example", "place": "all", "role": "viewer", "language": ""}),
    ]
    assert [one.status_code for one in answers] == [429, 429, 200, 302, 422, 422]
    assert "Nothing was sent" in answers[2].content.decode()
    assert Delivery.objects.count() == before
    assert not AuditEntry.objects.filter(act=AuditAction.DELIVERY_HASTENED)


# No door is forgotten

SOURCE = PACKAGE
OWED = {
    "outbox/mails/entry_mails.py": "what tells of an act is gathered by itself",
    "outbox/mails/password_reset.py": "asked signed out: accounts.guessing limits it by account and network",
    "reminders/scan/fan_out.py": "a reminder is owed by the product",
    "reminders/calendar/corrections.py": "a calendar is put right by the product",
    "monitoring/system_mails.py": "what the product tells of itself; of changes, gathered by entry_mails",
}
LIMITED = {
    "outbox/mails/address_proof.py",
    "outbox/send_test/test_send.py",
    "outbox/mails/consent_request.py",
    "outbox/mails/renewal_request.py",
    "outbox/mails/invitation.py",
}


def makes_a_delivery(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    called = ast.unparse(node.func)
    writes = ("create", "get_or_create", "update_or_create", "bulk_create")
    return called == "Delivery" or called in [f"Delivery.objects.{one}" for one in writes]


def test_08_every_module_that_writes_a_delivery_asks_the_limiter_or_says_why_not() -> None:
    makers = {
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        if "migrations" not in path.parts and any(map(makes_a_delivery, ast.walk(ast.parse(path.read_text()))))
    }
    assert makers - {"demo/seed.py"} == {*OWED, *LIMITED}
    for name in LIMITED:
        assert "mail_limits.count_mail" in (SOURCE / name).read_text(), name
