"""13: every change of a login method is audited and mailed to its user, at the stored address."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alertadmin import audit
from alertadmin.accounts import password_reset
from alertadmin.accounts.mfa import enforcement
from alertadmin.accounts.models import User
from alertadmin.accounts.models.membership import Membership, make_owner
from alertadmin.accounts.roles import Role
from alertadmin.accounts.services import users
from alertadmin.audit import AuditAction, AuditEntry
from alertadmin.outbox.mails import account_notice, composers, entry_mails
from alertadmin.outbox.mails import password_reset as mails_password_reset
from alertadmin.outbox.mails.composers import Content, Obsolete
from alertadmin.outbox.models import Delivery, Purpose
from tests.conftest import PASSWORD
from tests.helpers.login import signed_in_at
from tests.helpers.mfa import add_app
from tests.outbox.factories import bare

NEW = "another horse battery staple"
ADDRESS = "grace@northpark.example"
OF_A_PERSON = ("password.", "factor.", "session.", "person.", "calendar.")


@pytest.fixture
def grace(db: None) -> User:
    now = timezone.now()
    user = User.objects.create_user(ADDRESS, PASSWORD, last_login=now, proven_at=now, proven_address=ADDRESS)
    Membership.objects.create(user=user, role=Role.VIEWER)
    return user


@pytest.fixture
def owner(db: None) -> User:
    user = User.objects.create_user("owner@corp.example", PASSWORD)
    make_owner(user)
    return user


def mails() -> list[Delivery]:
    return list(Delivery.objects.filter(purpose=Purpose.ACCOUNT).order_by("created_at", "dedupe_key"))


def words(mail: Delivery) -> str:
    made = composers.compose(mail, mail.created_at)
    assert isinstance(made, Content)
    return made.text


def reset(user: User, _owner: User) -> None:
    link = re.sub(r"^.*(?=/new-password/)", "", password_reset.link(user))
    Client().post(link, {"password": NEW})


def change(user: User, _owner: User) -> None:
    signed_in_at(Client(), user).post(reverse("password-change"), {"password": NEW})


def remove_factor(user: User, _owner: User) -> None:
    signed_in_at(Client(), user).post(reverse("factor-remove", args=[add_app(user).pk]))


def make_codes(user: User, _owner: User) -> None:
    add_app(user)
    signed_in_at(Client(), user).post(reverse("recovery-codes-make"))


def new_browser(user: User, _owner: User) -> None:
    Client().post("/sign-in/", {"username": user.email, "password": PASSWORD})


ACTS: dict[str, tuple[Callable[[User, User], object], str]] = {
    "reset used": (reset, "Your password was changed."),
    "password changed": (change, "Your password was changed."),
    "MFA method removed": (remove_factor, "An MFA method was removed from your account."),
    "recovery codes made": (make_codes, "new recovery codes"),
    "factors reset": (
        lambda user, owner: users.reset_factors(user, by=owner),
        "An MFA method was removed from your account.",
    ),
    "factors reset by command": (
        lambda user, _owner: enforcement.remove_factors(user),
        "An MFA method was removed from your account.",
    ),
    "link made by command": (
        lambda user, _owner: call_command("sign_in_link", user.email, "--json"),
        "A link to set a new password for your account was created",
    ),
    "new browser": (new_browser, "A new browser signed in to your account."),
    "sessions ended": (lambda user, _owner: signed_in_at(Client(), user).post(reverse("sessions-end")), "Sessions"),
    "calendar made": (lambda user, _owner: signed_in_at(Client(), user).post("/calendars/", {}), "calendar address"),
    "role given": (lambda user, owner: users.set_role(user, None, Role.OPERATOR, by=owner), "Your role"),
    "role taken": (lambda user, owner: users.set_role(user, None, None, by=owner), "Your role"),
    "locked": (lambda user, owner: users.deactivate(user, by=owner, now=timezone.now()), "locked"),
    "deleted": (lambda user, owner: users.remove(user, by=owner), "deleted"),
}


@pytest.mark.control(94)
@pytest.mark.parametrize("act", ACTS)
def test_13_an_act_on_a_way_in_is_mailed_to_its_person(grace: User, owner: User, act: str) -> None:
    do, said = ACTS[act]
    do(grace, owner)
    mail = mails()[0]
    assert (mail.recipient, len(mails())) == (ADDRESS, 1)
    assert said in words(mail)
    number = mail.dedupe_key.split(":")[1]
    assert AuditEntry.objects.filter(number=number).exists()


def test_13_every_act_of_a_person_is_mailed_or_says_why_not() -> None:
    of_a_person = {one for one in AuditAction if one.value.startswith(OF_A_PERSON)}
    assert of_a_person <= {*account_notice.WORDS, *account_notice.NOT_MAILED}
    assert not set(account_notice.WORDS) & set(account_notice.NOT_MAILED)


def test_13_an_address_that_changes_is_told_at_both(grace: User) -> None:
    with audit.record_change(AuditAction.PERSON_CHANGED, grace):
        grace.email = "hopper@northpark.example"
        grace.save()
    assert sorted(one.recipient for one in mails()) == [ADDRESS, "hopper@northpark.example"]


def test_13_a_browser_that_is_known_is_told_of_once(grace: User) -> None:
    client = Client()
    for _time in range(3):
        client.post("/sign-in/", {"username": ADDRESS, "password": PASSWORD})
        client.post("/sign-out/")
    assert len(mails()) == 1


def test_13_the_first_sign_in_of_an_account_is_no_news(owner: User) -> None:
    new_browser(owner, owner)
    assert mails() == []


@pytest.mark.parametrize("typed", [ADDRESS, "stranger@nowhere.example"])
def test_13_a_request_for_a_reset_is_on_the_record_of_an_account_alone(grace: User, typed: str) -> None:
    """What the page answers, and how long it takes, is the same; the worker that words the mail records it."""
    pages = [
        Client().post(reverse("forgotten-password"), {"email": one}).content.decode().replace(one, "")
        for one in (typed, "x@y.example")
    ]
    assert pages[0] == pages[1]
    for mail in Delivery.objects.filter(purpose=Purpose.PASSWORD):
        mails_password_reset.compose(mail, mail.created_at)
    asked = AuditEntry.objects.filter(act=AuditAction.PASSWORD_RESET_ASKED)
    assert [one.object_id for one in asked] == ([str(grace.pk)] if typed == ADDRESS else [])


def test_13_many_acts_send_few_mails(grace: User, owner: User) -> None:
    for number in range(50):
        users.set_role(grace, None, Role.OPERATOR if number % 2 else Role.VIEWER, by=owner)
    assert len(mails()) == entry_mails.SEPARATE_MAILS.most + 1
    done = AuditEntry.objects.filter(act=AuditAction.PERSON_ROLE_CHANGED).count()
    assert done >= 49
    assert sum(words(one).count("Your role was changed.") for one in mails()) == done


def test_13_words_of_last_week_are_no_news_and_grant_nothing(grace: User, owner: User) -> None:
    users.set_role(grace, None, Role.OPERATOR, by=owner)
    mail = mails()[0]
    assert "owner@corp.example" not in words(mail)
    links = re.findall(r"https?://\S+", words(mail))
    assert [one.endswith(reverse("security")) for one in links] == [True]
    assert isinstance(account_notice.compose(mail, mail.created_at + timedelta(days=8)), Obsolete)


@pytest.mark.control(122)
@pytest.mark.parametrize("purpose", Purpose)
def test_13_no_intruder_silences_what_tells_of_them(owner: User, now: datetime, purpose: Purpose) -> None:
    """By a session of an operator, or one of an owner that was left open: what leads in, or tells of ways in, of
    secrets and of the installation, ends by an owner's word alone."""
    [mail] = bare(1, now, purpose=purpose)
    operator = User.objects.create_user("olaf@corp.example", None)
    Membership.objects.create(user=operator, role=Role.OPERATOR)
    acts = [reverse(name, args=[mail.pk]) for name in ("delivery-arrived", "delivery-give-up")]
    is_owners = purpose in {"invitation", "password", "proof", "house", "handover", "account"}

    def ends(by: User, at: float) -> list[bool]:
        client, ended = signed_in_at(Client(), by, at=at), []
        page = client.get(reverse("delivery", args=[mail.pk])).content.decode()
        for act in acts:
            client.post(act)
            ended.append(not Delivery.objects.filter(pk=mail.pk, state="pending").exists())
            Delivery.objects.filter(pk=mail.pk).update(state="pending", settled_at=None)
        assert (acts[0] in page) == (purpose != Purpose.TEST and (by == owner or not is_owners))
        return ended

    assert ends(operator, time.time()) == [not is_owners] * 2
    assert ends(owner, time.time() - 3600) == [not is_owners] * 2
    assert ends(owner, time.time()) == [True, True]
