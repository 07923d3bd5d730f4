"""Security keys that were stolen, cloned, or used on another site give no access."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from django.urls import reverse

from alertadmin.accounts.models import User
from alertadmin.audit import AuditEntry
from tests.attacks.security_key import SecurityKey
from tests.conftest import PASSWORD
from tests.helpers.login import signed_in_at

pytestmark = pytest.mark.control(120)

STEP = "/sign-in/second-step/"


def browser() -> Client:
    """At the one name without TLS where passkeys work."""
    return Client(headers={"host": "localhost:8480"})


def add(user: User, key: SecurityKey) -> Authenticator:
    """By the page, as the person would."""
    client = signed_in_at(browser(), user)
    options = client.get(reverse("passkey-add")).context["passkey"]
    sent = client.post(reverse("passkey-add"), {"name": "on my key ring", "credential": key.register(options)})
    assert sent.status_code == 200, sent.headers
    made: Authenticator = Authenticator.objects.get(user=user, type="webauthn")
    return made


def is_in(client: Client) -> bool:
    return client.get(reverse("overview")).status_code == 200


def half_in(user: User) -> tuple[Client, dict[str, Any]]:
    """After the password, with what the page asks a key."""
    client = browser()
    client.post(reverse("sign-in"), {"username": user.email, "password": PASSWORD})
    return client, client.get(STEP).context["js_data"]["request_options"]


def asked_alone() -> tuple[Client, dict[str, Any]]:
    """By the button that asks for a passkey and no password."""
    client = browser()
    answer = client.get(reverse("passkey-sign-in"), headers={"Accept": "application/json"})
    return client, json.loads(answer.content)["request_options"]


@pytest.fixture
def key() -> SecurityKey:
    return SecurityKey()


@pytest.fixture
def ada(administrator: User, key: SecurityKey) -> User:
    add(administrator, key)
    return administrator


def by_itself(key: SecurityKey) -> Client:
    client, options = asked_alone()
    client.post(reverse("passkey-sign-in"), {"credential": key.sign(options)})
    return client


def after_the_password(user: User, key: SecurityKey) -> Client:
    client, options = half_in(user)
    client.post(STEP, {"credential": key.sign(options)})
    return client


def test_an_honest_key_leads_in_both_ways(ada: User, key: SecurityKey) -> None:
    assert is_in(by_itself(key))
    assert is_in(after_the_password(ada, key))


def test_a_stolen_key_without_its_pin_leads_in_by_no_challenge_of_another_page(ada: User, key: SecurityKey) -> None:
    """The second step asks a key for a touch alone. Its challenge, had with the thief's own password, must not stand in
    for that of the sign-in without a password."""
    eve = User.objects.create_user("eve@northpark.example", PASSWORD)
    add(eve, SecurityKey(id=b"eve's"))
    key.verifies = False
    assert not is_in(by_itself(key))
    client, options = half_in(eve)
    client.post(reverse("passkey-sign-in"), {"credential": key.sign(options)})
    assert not is_in(client)


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.localhost:8480",
        "http://localhost:9999",
        "https://localhost:8480",
        "http://localhost.evil.example:8480",
        "https://evil.example",
        "null",
    ],
)
def test_an_answer_for_another_origin_is_not_taken(ada: User, key: SecurityKey, origin: str) -> None:
    """Browsers let every page of a domain below ask a key of this one."""
    key.origin = origin
    assert not is_in(by_itself(key))
    assert not is_in(after_the_password(ada, key))


def test_a_passkey_is_not_added_for_another_origin(administrator: User) -> None:
    key = SecurityKey(origin="http://evil.localhost:8480")
    client = signed_in_at(browser(), administrator)
    options = client.get(reverse("passkey-add")).context["passkey"]
    assert client.post(reverse("passkey-add"), {"credential": key.register(options)}).status_code == 422
    assert not Authenticator.objects.exists()


def test_an_answer_is_good_once(ada: User, key: SecurityKey) -> None:
    client, options = asked_alone()
    answer = key.sign(options)
    client.post(reverse("passkey-sign-in"), {"credential": answer})
    client.post(reverse("sign-out"))
    client.post(reverse("passkey-sign-in"), {"credential": answer})
    assert not is_in(client)
    other, _options = asked_alone()
    other.post(reverse("passkey-sign-in"), {"credential": answer})
    assert not is_in(other)


def test_a_cloned_key_is_found_out_by_its_counter(ada: User, key: SecurityKey) -> None:
    """The clone was made when the key had answered once; by then the person has used theirs."""
    clone = dataclasses.replace(key)
    assert is_in(by_itself(key))
    assert not is_in(by_itself(clone))
    assert not is_in(after_the_password(ada, dataclasses.replace(key, count=key.count - 1)))
    refused = AuditEntry.objects.filter(result="refused", details__reason="counter")
    assert [entry.object_id for entry in refused] == [str(ada.pk)] * 2
    assert is_in(by_itself(key))


def test_a_passkey_that_never_counts_is_taken(administrator: User) -> None:
    synced = SecurityKey(counts=False)
    add(administrator, synced)
    assert is_in(by_itself(synced))
    assert is_in(by_itself(synced))


def test_a_person_who_is_switched_off_comes_in_by_no_key(ada: User, key: SecurityKey) -> None:
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert not is_in(by_itself(key))


def test_a_key_that_names_another_person_leads_in_as_neither(ada: User, key: SecurityKey) -> None:
    """What an answer says of its person is not signed."""
    eve = User.objects.create_user("eve@northpark.example", PASSWORD)
    own = SecurityKey(id=b"eve's")
    add(eve, own)
    own.user_handle = key.user_handle
    assert not is_in(by_itself(own))


UNREADABLE = {
    "deep lists": "[" * 100_000,
    "deep objects": '{"a":' * 50_000,
    "a long number": "9" * 5_000,
    "no object": "[1]",
    "half of a pair": '{"id": "\\ud800", "rawId": "x", "response": {"userHandle": "\\ud800"}}',
    "a handle that is none": '{"response": {"userHandle": ["x"]}}',
    "infinite": '{"response": 1e999, "id": NaN}',
    "long": '{"id": "' + "A" * 1_000_000 + '"}',
    "no JSON": "{",
}


@pytest.mark.parametrize("answer", UNREADABLE.values(), ids=UNREADABLE)
def test_what_no_browser_answers_is_refused_in_words_at_each_door(ada: User, key: SecurityKey, answer: str) -> None:
    """Signed out too: it is no fault of ours, which would stand in the log with all that belongs to one."""
    client, _options = asked_alone()
    assert client.post(reverse("passkey-sign-in"), {"credential": answer}).status_code == 302
    client, _options = half_in(ada)
    assert client.post(STEP, {"credential": answer}).status_code == 200
    stale, fresh = signed_in_at(browser(), ada, at=0), signed_in_at(browser(), ada)
    stale.get(reverse("confirm"))
    assert stale.post(reverse("confirm"), {"confirm-passkey": answer}).status_code == 200
    fresh.get(reverse("passkey-add"))
    added = fresh.post(reverse("passkey-add"), {"name": "x", "credential": answer})
    assert added.status_code == 422
    assert "The passkey was not accepted." in added.content.decode()
