"""1: an address that looks like another one, or equals it for some database, in every form that takes one."""

from __future__ import annotations

import re
import unicodedata
from email import message_from_string
from email.policy import default
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alertadmin.accounts.models import Invitation, ThrottleCounter, User
from alertadmin.accounts.roles import Role
from alertadmin.accounts.services import invitations
from alertadmin.outbox import worker
from alertadmin.outbox.models import Delivery, Purpose
from mailer.email_address import InvalidAddress, parse
from sandbox import Sandbox
from tests.accounts.oidc.conftest import OPERATORS, Entra, entra
from tests.attacks.lookalike_addresses import HONEST, LOOK_ALIKES, MALFORMED, ODD_SPELLINGS, VICTIM, WRAPPED
from tests.conftest import PASSWORD, hashed_password
from tests.helpers.login import signed_in_at

__all__ = ["entra"]

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]

FOREIGN = LOOK_ALIKES | MALFORMED
OWN = HONEST | ODD_SPELLINGS
NEW = "another horse, another staple"


@pytest.fixture
def victim(administrator: User) -> User:
    """Not the only user: another one invites."""
    return User.objects.create(email=VICTIM, password=hashed_password(), name="Kim")


def unthrottled() -> None:
    ThrottleCounter.objects.all().delete()


def post(path: str, client: Client | None = None, **form: str) -> HttpResponse:
    """Any characters: Django's own test client rejects lone surrogates."""
    body = urlencode(form, errors="surrogatepass")
    return (client or Client()).post(path, body, content_type="application/x-www-form-urlencoded")  # type: ignore[return-value]


def signs_in(typed: str) -> bool:
    unthrottled()
    return post(reverse("sign-in"), username=typed, password=PASSWORD).status_code == 302


@pytest.mark.control(70)
@pytest.mark.parametrize("typed", FOREIGN.values(), ids=FOREIGN)
def test_no_look_alike_signs_in_as_another(victim: User, typed: str) -> None:
    assert not signs_in(typed)
    assert User.objects.by_address(typed) is None


@pytest.mark.control(70)
@pytest.mark.parametrize("typed", (OWN | WRAPPED).values(), ids=OWN | WRAPPED)
def test_people_sign_in_however_they_type_their_address(victim: User, typed: str) -> None:
    assert signs_in(typed)


@pytest.mark.control(70)
@pytest.mark.parametrize("typed", ["grace@straße.example", "Grace@STRAßE.example", "grace@xn--strae-oqa.example"])
def test_an_international_domain_is_typed_in_either_form(administrator: User, typed: str) -> None:
    User.objects.create(email="grace@straße.example", password=hashed_password())
    assert signs_in(typed)
    assert not signs_in("grace@strasse.example")


@pytest.mark.control(71)
@pytest.mark.django_db(transaction=True)
def test_a_link_to_a_new_password_is_mailed_to_the_stored_address_alone(victim: User, relay: Sandbox) -> None:
    own = (*ODD_SPELLINGS.values(), *HONEST.values(), *WRAPPED.values())
    for typed in (*FOREIGN.values(), *own):
        unthrottled()
        assert post(reverse("forgotten-password"), email=typed).status_code in (200, 422)
    worker.deliver_due()
    states = Delivery.objects.filter(purpose=Purpose.PASSWORD).values_list("state", "recipient")
    assert {recipient for state, recipient in states if state != "cancelled"} == {VICTIM}
    assert sum(state == "sent" for state, _recipient in states) == len(own)
    for delivery in Delivery.objects.filter(state="sent"):
        [mail] = relay.ledger.messages(delivery.message_id)
        assert mail["to"] == [VICTIM]
    body = message_from_string(mail["mime"], policy=default).get_content()
    link = re.search(r"http://\S+(/new-password/\S+/)", body)
    assert link
    assert Client().post(link[1], {"password": NEW}).status_code == 302
    assert User.objects.get(pk=victim.pk).check_password(NEW)


def test_a_mail_that_was_asked_for_before_the_address_changed_leads_nowhere(victim: User, relay: Sandbox) -> None:
    Client().post(reverse("forgotten-password"), {"email": VICTIM})
    victim.email = "kim@elsewhere.example"
    victim.save()
    worker.deliver_due()
    assert Delivery.objects.get(purpose=Purpose.PASSWORD).state == "cancelled"


@pytest.mark.control(70)
@pytest.mark.parametrize("typed", LOOK_ALIKES.values(), ids=LOOK_ALIKES)
def test_an_invitation_to_a_look_alike_opens_no_account_of_another(victim: User, typed: str) -> None:
    made = invitations.invite(typed, {None: Role.VIEWER}, by=None, now=timezone.now())
    assert invitations.account_of(made) is None
    path = reverse("invitation-accept", args=[made.link.rstrip("/").rpartition("/")[2]])
    Client().post(path, {"name": "Eve", "time_zone": "UTC", "password": NEW})
    assert User.objects.get(pk=victim.pk).check_password(PASSWORD)
    assert not victim.memberships.exists()


@pytest.mark.control(70)
@pytest.mark.parametrize("typed", OWN.values(), ids=OWN)
def test_an_invitation_to_somebody_who_is_here_is_accepted_by_them_alone(victim: User, typed: str) -> None:
    made = invitations.invite(typed, {None: Role.VIEWER}, by=None, now=timezone.now())
    assert invitations.account_of(made) == victim
    path = reverse("invitation-accept", args=[made.link.rstrip("/").rpartition("/")[2]])
    Client().post(path, {"name": "Eve", "time_zone": "UTC", "password": NEW})
    assert (User.objects.count(), made.address.lower()) == (2, VICTIM)
    assert User.objects.get(pk=victim.pk).check_password(PASSWORD)


@pytest.mark.control(70)
@pytest.mark.parametrize("typed", MALFORMED.values(), ids=MALFORMED)
def test_nobody_is_invited_by_what_is_no_address(signed_in_owner: Client, victim: User, typed: str) -> None:
    page = post(reverse("invite"), signed_in_owner, address=typed, role="viewer", place="all", language="")
    assert page.status_code == 422
    with pytest.raises((SystemExit, CommandError)):
        call_command("invite", typed)
    assert not Invitation.objects.exists()


@pytest.fixture
def signed_in_owner(client: Client, administrator: User) -> Client:
    return signed_in_at(client, administrator)


@pytest.mark.control(70)
def test_a_provider_s_claim_takes_no_account_over(entra: Entra, victim: User) -> None:
    entra.person.groups = [OPERATORS]
    for claimed in (*ODD_SPELLINGS.values(), *HONEST.values(), *WRAPPED.values(), *MALFORMED.values()):
        entra.client = Client()
        entra.person.mail = claimed
        entra.sign_in()
        assert not entra.is_in, claimed
    assert User.objects.count() == 2
    entra.client = Client()
    entra.person.mail = LOOK_ALIKES["dotless i in the domain"]
    entra.sign_in()
    assert entra.is_in
    assert {VICTIM, LOOK_ALIKES["dotless i in the domain"]} < set(User.objects.values_list("email", flat=True))
    assert not victim.memberships.exists()


@pytest.mark.control(70)
@pytest.mark.parametrize("command", ["sign_in_link", "reset_second_factor"])
@pytest.mark.parametrize("typed", FOREIGN.values(), ids=FOREIGN)
def test_a_command_finds_nobody_by_a_look_alike(victim: User, command: str, typed: str) -> None:
    with pytest.raises((SystemExit, CommandError)):
        call_command(command, typed)


@pytest.mark.control(70)
def test_tries_are_counted_for_the_mailbox_not_for_the_spelling(victim: User) -> None:
    spellings = [*HONEST.values(), *ODD_SPELLINGS.values()]
    for typed in spellings[:10]:
        Client().post(reverse("sign-in"), {"username": typed, "password": "wrong"})
    page = Client().post(reverse("sign-in"), {"username": spellings[-1], "password": PASSWORD})
    assert "Too many failed attempts." in page.content.decode()


@pytest.mark.control(72)
@pytest.mark.parametrize("typed", OWN.values(), ids=OWN)
@pytest.mark.parametrize("way", ["create_user", "save", "bulk_create"])
def test_the_database_holds_one_account_for_an_address(victim: User, typed: str, way: str) -> None:
    def make() -> Any:
        if way == "create_user":
            return User.objects.create_user(typed)
        if way == "save":
            return User(email=typed).save()
        return User.objects.bulk_create([User(email=typed)])

    with pytest.raises(IntegrityError), transaction.atomic():
        make()
    assert User.objects.count() == 2


@pytest.mark.control(72)
@pytest.mark.parametrize("typed", LOOK_ALIKES.values(), ids=LOOK_ALIKES)
def test_a_look_alike_may_have_an_account_of_its_own(victim: User, typed: str) -> None:
    other = User.objects.create_user(typed)
    assert User.objects.by_address(typed) == other
    assert User.objects.by_address(VICTIM) == victim


@pytest.mark.control(70)
def test_what_counts_as_an_ascii_address_is_mailed_to_that_address() -> None:
    """Every character that some standard reads as one of ASCII: in the local part, in the domain, before and behind."""
    read_as_ascii = [
        character
        for character in map(chr, range(0x80, 0x110000))
        if unicodedata.normalize("NFKC", character).isascii() or character.casefold().isascii()
    ]
    taken = 0
    for character in read_as_ascii:
        for typed in (f"a{character}b@x.example", f"a@x{character}y.example", f"{character}a@x.example{character}"):
            try:
                found = parse(typed)
            except InvalidAddress:
                continue
            taken += 1
            assert parse(found.stored) == found, ascii(typed)
            assert parse(found.wire).canonical == found.canonical, ascii(typed)
            assert not found.canonical.isascii() or found.wire.lower() == found.canonical, ascii(typed)
    assert len(read_as_ascii) > 1000
    assert taken > 1000
