"""The MFA policy: a user without a required MFA method only reaches the pages that add one."""

from __future__ import annotations

import time

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from django.urls import reverse

from alertadmin.accounts.mfa import enforcement
from alertadmin.accounts.models import User
from alertadmin.accounts.models.membership import Membership
from alertadmin.accounts.models.mfa_policy import MfaPolicy
from alertadmin.audit import AuditEntry
from alertadmin.registry.models import MfaSecret
from tests.conftest import PASSWORD
from tests.helpers.login import signed_in_at
from tests.helpers.mfa import add_app, code

PAGE = "/people/signing-in/"
pytestmark = pytest.mark.control(23)


@pytest.fixture
def viewer(client: Client, db: None) -> Client:
    vera = User.objects.create_user("vera@northpark.example", PASSWORD)
    Membership.objects.create(user=vera, role="viewer")
    return signed_in_at(client, vera)


def reaches(client: Client, name: str = "overview") -> bool:
    answer = client.get(reverse(name))
    assert answer.status_code in (200, 302)
    assert answer.status_code == 200 or answer.headers["Location"] == reverse("security")
    return answer.status_code == 200


def test_nobody_is_asked_while_nobody_has_decided(signed_in: Client) -> None:
    assert reaches(signed_in)


def test_everybody_is_led_to_add_one_and_then_on(signed_in: Client, administrator: User) -> None:
    assert signed_in.post(PAGE, {"second_factor": "all"}).status_code == 302
    assert not reaches(signed_in)
    assert not reaches(signed_in, "profile")
    assert signed_in.post(reverse("register")).headers["Location"] == reverse("security")
    asked = signed_in.get(reverse("credentials"), headers={"hx-request": "true"})
    assert asked.headers["HX-Redirect"] == reverse("security")
    assert "This installation requires MFA. Add a passkey or an" in signed_in.get(reverse("security")).content.decode()
    for name in ("authenticator-add", "passkey-add"):
        assert signed_in.get(reverse(name)).status_code == 200
    add_app(administrator)
    assert reaches(signed_in)


def test_recovery_codes_alone_are_no_second_factor(signed_in: Client, administrator: User) -> None:
    MfaPolicy.objects.create(second_factor="all")
    add_app(administrator).delete()
    assert Authenticator.objects.get().type == "recovery_codes"
    assert not reaches(signed_in)


def test_it_may_be_asked_of_those_alone_who_change_things(viewer: Client, administrator: User) -> None:
    MfaPolicy.objects.create(second_factor="changers")
    assert reaches(viewer)
    assert not reaches(signed_in_at(Client(), administrator))


def test_the_door_and_the_watchers_stay_open(client: Client, db: None) -> None:
    MfaPolicy.objects.create(second_factor="all")
    assert client.get(reverse("healthz")).status_code == 200
    assert client.get(reverse("sign-in")).status_code == 200


def test_an_owner_alone_decides_and_it_is_on_the_record(viewer: Client, administrator: User) -> None:
    assert viewer.post(PAGE, {"second_factor": "all"}).status_code == 403
    owner = signed_in_at(Client(), administrator)
    assert owner.post(PAGE, {"second_factor": "everybody"}).status_code == 422
    owner.post(PAGE, {"second_factor": "changers"})
    entry = AuditEntry.objects.get(act="sign_in_demand.changed")
    assert (entry.who, entry.details["changes"]["second_factor"][1]) == (administrator.email, "changers")


@pytest.mark.control(26)
def test_an_old_session_does_not_lower_it(client: Client, administrator: User) -> None:
    signed_in_at(client, administrator, time.time() - 660)
    assert client.post(PAGE, {"second_factor": "optional"}).status_code == 403


@pytest.mark.usefixtures("no_factor_asked")
def test_whoever_lost_their_device_is_helped(client: Client, administrator: User) -> None:
    """Their sessions end too: the device may be in other hands."""
    add_app(administrator)
    signed_in_at(client, administrator)
    assert reaches(client)
    assert enforcement.remove_factors(administrator) == 2
    assert client.get(reverse("profile")).headers["Location"].startswith(reverse("sign-in"))
    assert not Authenticator.objects.exists()
    assert not MfaSecret.objects.exists()
    form = {"username": administrator.email, "password": PASSWORD}
    assert client.post(reverse("sign-in"), form).headers["Location"] == "/"
    assert AuditEntry.objects.get(act="factor.removed").details == {"reason": "reset", "count": 2}


@pytest.mark.control(59)
def test_ways_in_are_on_the_record_and_what_was_guessed_is_not(administrator: User) -> None:
    add_app(administrator)
    client, door = Client(), reverse("sign-in")
    client.post(door, {"username": "CANARY-typed-too-early", "password": "x"})
    client.post(door, {"username": administrator.email, "password": "CANARY-wrong"})
    client.post(door, {"username": administrator.email, "password": PASSWORD})
    client.post("/sign-in/second-step/", {"code": "000000"})
    client.post("/sign-in/second-step/", {"code": code()})
    client.post(reverse("confirm"), {"confirm-password": "CANARY-again"})
    client.post(reverse("sign-out"))
    for _number in range(14):
        Client().post(door, {"username": administrator.email, "password": "CANARY"})
    entries = list(AuditEntry.objects.order_by("number").values_list("act", "result", "label", "details__method"))
    ada = str(administrator)
    assert entries[:6] == [
        ("session.signed_in", "refused", "", None),
        ("session.signed_in", "refused", ada, None),
        ("session.signed_in", "failed", ada, "code"),
        ("session.signed_in", "done", ada, None),
        ("session.reauthenticated", "failed", ada, "password"),
        ("session.signed_out", "done", ada, None),
    ]
    assert entries[6:] == [("session.signed_in", "refused", ada, None)] * 9 + [
        ("session.signed_in", "refused", ada, "throttled")
    ]
    assert not any("CANARY" in str(vars(entry)) for entry in AuditEntry.objects.all())
