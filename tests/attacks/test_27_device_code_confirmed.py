"""27: a device code entered by a victim binds nothing: the token is held until the administrator who started the
sign-in has confirmed the account, in the same session."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import requests
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alertadmin.accounts.models import User
from alertadmin.accounts.models.membership import Membership
from alertadmin.accounts.roles import Role
from alertadmin.audit import AuditAction, AuditEntry
from alertadmin.outbox.mails import composers
from alertadmin.outbox.mails.composers import Content
from alertadmin.outbox.models import Delivery, Purpose
from alertadmin.registry import retention
from alertadmin.registry.models import DeviceCodeFlow, Mailbox, SignInAudience
from alertadmin.registry.personal import device_code
from sandbox import Sandbox
from tests.conftest import hashed_password
from tests.factories import Rows
from tests.helpers.login import signed_in_at

pytestmark = pytest.mark.control(107, 108)

VICTIM = "victim@outlook.example"
Enter = Callable[..., None]


@pytest.fixture
def mailbox(rows: Rows, sandbox: Sandbox) -> Mailbox:
    """That the administrator entered; no account has signed in."""
    site = rows.site(sandbox)
    there = sandbox.directory.add_app(site.tenant.directory_id, "At home", personal_accounts=True, public_client=True)
    for address in (VICTIM, "other@outlook.example"):
        sandbox.directory.add_account(address)
    app = rows.app(site.tenant, "At home", client_id=there.client_id, audience=SignInAudience.ALL)
    return Mailbox.objects.create(tenant=site.tenant, app=app, address=VICTIM, is_personal=True)


@pytest.fixture
def enter(sandbox: Sandbox) -> Enter:
    """The code, on Microsoft's page, by an account's owner who was led to it."""

    def entered(account: str = VICTIM) -> None:
        sign_in = DeviceCodeFlow.objects.get()
        with requests.Session() as session:
            session.trust_env, session.verify = False, str(sandbox.ca_file)
            form = {"otc": sign_in.user_code, "account": account, "decision": "accept"}
            session.post(sign_in.page, data=form, timeout=10)
        DeviceCodeFlow.objects.update(ask_from=timezone.now())

    return entered


def administrator(name: str, mailbox: Mailbox | None = None) -> User:
    user = User.objects.create(email=f"{name}@provider.example", password=hashed_password())
    Membership.objects.create(user=user, role=Role.ADMINISTRATOR, tenant=mailbox.tenant if mailbox else None)
    return user


def do(client: Client, mailbox: Mailbox, act: str, **data: str) -> str:
    return client.post(reverse(f"mailbox-sign-in-{act}", args=[mailbox.pk]), data, follow=True).content.decode()


def state() -> str:
    return DeviceCodeFlow.objects.get().state


def is_stored(mailbox: Mailbox) -> bool:
    mailbox.refresh_from_db()
    return mailbox.refresh_token is not None or mailbox.signed_in_at is not None


def held(client: Client, mailbox: Mailbox, enter: Enter) -> None:
    do(client, mailbox, "begin")
    enter()
    page = do(client, mailbox, "ask")
    assert state() == "held"
    assert VICTIM in page
    assert "Is this the account?" in page


def test_27_nothing_is_stored_until_the_account_is_confirmed(mailbox: Mailbox, enter: Enter) -> None:
    client = signed_in_at(Client(), administrator("ada"))
    held(client, mailbox, enter)
    assert not is_stored(mailbox)
    assert not Delivery.objects.filter(purpose=Purpose.ACCOUNT).exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT held_token FROM registry_signin")
        assert cursor.fetchone()[0].startswith("v2.")
    page = do(client, mailbox, "confirm")
    assert "stored encrypted" in page
    assert is_stored(mailbox)
    assert (state(), DeviceCodeFlow.objects.get().held_token) == ("done", None)


def test_27_what_is_refused_is_gone(mailbox: Mailbox, enter: Enter) -> None:
    client = signed_in_at(Client(), administrator("ada"))
    held(client, mailbox, enter)
    do(client, mailbox, "confirm", refuse="1")
    assert (state(), DeviceCodeFlow.objects.get().held_token, is_stored(mailbox)) == ("declined", None, False)
    do(client, mailbox, "confirm")
    assert not is_stored(mailbox)


@pytest.mark.parametrize("when", ["waiting", "held"])
@pytest.mark.parametrize("who", ["another administrator", "another session", "the same browser, signed in again"])
def test_27_no_other_session_goes_on(mailbox: Mailbox, enter: Enter, when: str, who: str) -> None:
    ada = administrator("ada")
    mine = signed_in_at(Client(), ada)
    if when == "held":
        held(mine, mailbox, enter)
    else:
        do(mine, mailbox, "begin")
    code = DeviceCodeFlow.objects.get().user_code
    if who == "another administrator":
        other = signed_in_at(Client(), administrator("eve"))
    elif who == "another session":
        other = signed_in_at(Client(), ada)
    else:
        mine.logout()
        other = signed_in_at(mine, ada)
    pages = other.get(reverse("mailbox-sign-in", args=[mailbox.pk])).content.decode()
    if when == "waiting":
        enter()
    pages += do(other, mailbox, "ask") + do(other, mailbox, "confirm")
    assert not code or code not in pages
    assert "A sign-in is in progress in another session." in pages
    assert (state(), is_stored(mailbox)) == (when, False)


@pytest.mark.parametrize("change", ["taken", "lowered"])
def test_27_the_right_is_asked_of_the_mailbox_again(mailbox: Mailbox, enter: Enter, change: str) -> None:
    ada = administrator("ada", mailbox)
    client = signed_in_at(Client(), ada)
    held(client, mailbox, enter)
    rows = Membership.objects.filter(user=ada)
    _done = rows.delete() if change == "taken" else rows.update(role=Role.OPERATOR)
    answer = client.post(reverse("mailbox-sign-in-confirm", args=[mailbox.pk]))
    assert answer.status_code == (404 if change == "taken" else 403)
    assert not is_stored(mailbox)


def test_27_another_account_is_not_held(mailbox: Mailbox, enter: Enter) -> None:
    """An attacker inside was given the code, and entered an account of their own."""
    client = signed_in_at(Client(), administrator("ada"))
    do(client, mailbox, "begin")
    enter("other@outlook.example")
    assert "Another account signed in" in do(client, mailbox, "ask")
    do(client, mailbox, "confirm")
    assert (state(), DeviceCodeFlow.objects.get().held_token, is_stored(mailbox)) == ("other", None, False)


@pytest.mark.parametrize("field", ["address", "app"])
def test_27_a_mailbox_that_changed_meanwhile_gets_nothing(
    mailbox: Mailbox, enter: Enter, rows: Rows, field: str
) -> None:
    client = signed_in_at(Client(), administrator("ada"))
    held(client, mailbox, enter)
    if field == "address":
        Mailbox.objects.filter(pk=mailbox.pk).update(address="ceo@outlook.example")
    else:
        Mailbox.objects.filter(pk=mailbox.pk).update(app=rows.app(mailbox.tenant, "Other", audience=SignInAudience.ALL))
    do(client, mailbox, "confirm")
    assert not is_stored(mailbox)


def test_27_what_is_held_expires(mailbox: Mailbox, enter: Enter) -> None:
    client = signed_in_at(Client(), administrator("ada"))
    held(client, mailbox, enter)
    row = DeviceCodeFlow.objects.get()
    left = row.expires_at - timezone.now()
    assert timedelta(0) < left <= device_code.CONFIRM_WITHIN
    DeviceCodeFlow.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert "The code has expired" in client.get(reverse("mailbox-sign-in", args=[mailbox.pk])).content.decode()
    retention.prune(timedelta(days=1), timezone.now())
    assert (state(), DeviceCodeFlow.objects.get().held_token) == ("expired", None)
    do(client, mailbox, "confirm")
    assert not is_stored(mailbox)


def test_27_an_expired_one_is_not_confirmed(mailbox: Mailbox, enter: Enter) -> None:
    client = signed_in_at(Client(), administrator("ada"))
    held(client, mailbox, enter)
    DeviceCodeFlow.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    do(client, mailbox, "confirm")
    assert (state(), is_stored(mailbox)) == ("expired", False)


def test_27_of_two_confirmations_at_once_one_stores(mailbox: Mailbox, enter: Enter) -> None:
    client = signed_in_at(Client(), administrator("ada"))
    held(client, mailbox, enter)
    first, second = (
        DeviceCodeFlow.objects.select_related("mailbox__app__tenant", "mailbox__tenant").get() for _ in "ab"
    )
    now = timezone.now()
    assert device_code.confirm(first, now=now).state == "done"
    assert device_code.confirm(second, now=now).state == "done"
    assert AuditEntry.objects.filter(act=AuditAction.MAILBOX_SIGNED_IN, result="done").count() == 1


def test_27_the_account_is_told_by_mail_who_may_send_and_how_to_end_it(mailbox: Mailbox, enter: Enter) -> None:
    client = signed_in_at(Client(), administrator("ada"))
    held(client, mailbox, enter)
    do(client, mailbox, "confirm")
    mail = Delivery.objects.get(purpose=Purpose.ACCOUNT, recipient=VICTIM)
    words = composers.compose(mail, mail.created_at)
    assert isinstance(words, Content)
    assert "It can now send in your name: http" in words.text
    assert "https://account.live.com/consent/Manage" in words.text
