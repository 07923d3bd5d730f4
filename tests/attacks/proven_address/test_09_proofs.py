"""Item 9: what proves an address, and what does not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from django.utils import timezone

from alertadmin.accounts import password_reset
from alertadmin.accounts.models import FirstAdministratorLink, User
from alertadmin.accounts.services import invitations
from alertadmin.audit import AuditAction, AuditEntry
from tests.attacks.proven_address.conftest import NEW, NEWHIRE, accept, path, refreshed
from tests.conftest import PASSWORD, hashed_password

pytestmark = pytest.mark.control(105, 106)


# What proves an address


def by_mailed_invitation(_owner: User) -> User:
    return accept(invitations.invite(NEWHIRE, {}, by=None, now=timezone.now()).link)


def by_shown_invitation(_owner: User) -> User:
    return accept(invitations.invite(NEWHIRE, {}, by=None, now=timezone.now()).shown_link)


def by_reset(_owner: User) -> User:
    user = User.objects.create(email=NEWHIRE, password=hashed_password())
    Client().post(path(password_reset.link(user)), {"password": NEW})
    return user


def by_reset_with_passkey(_owner: User) -> User:
    user = User.objects.create(email=NEWHIRE, password=hashed_password())
    Authenticator.objects.create(user=user, type=Authenticator.Type.WEBAUTHN, data={})
    Client().post(path(password_reset.link(user)), {"password": NEW})
    return user


def by_reset_with_provider(_owner: User) -> User:
    user = User.objects.create(email=NEWHIRE, password=hashed_password())
    SocialAccount.objects.create(user=user, provider="northpark", uid="of-the-squatter")
    Client().post(path(password_reset.link(user)), {"password": NEW})
    return user


def by_looking(_owner: User) -> User:
    user = User.objects.create(email=NEWHIRE, password=hashed_password())
    Client().get(path(password_reset.link(user)))
    return user


def by_password(_owner: User) -> User:
    user = User.objects.create(email=NEWHIRE, password=hashed_password())
    Client().post("/sign-in/", {"username": NEWHIRE, "password": PASSWORD})
    return user


def first_administrator(owner: User) -> User:
    owner.delete()
    token = FirstAdministratorLink.make(timezone.now())
    user = FirstAdministratorLink.redeem(token, NEWHIRE, PASSWORD)
    assert user
    return user


WAYS: dict[str, tuple[Callable[[User], User], bool]] = {
    "a mailed invitation": (by_mailed_invitation, True),
    "an invitation's link that was shown": (by_shown_invitation, False),
    "a link to a new password": (by_reset, True),
    "the same, while a passkey leads in": (by_reset_with_passkey, False),
    "the same, while a provider leads in": (by_reset_with_provider, False),
    "a link that is looked at": (by_looking, False),
    "a password": (by_password, False),
    "the first administrator's link": (first_administrator, True),
}


@pytest.mark.parametrize("way", WAYS)
def test_09_what_proves_an_address(owner: User, way: str) -> None:
    do, does = WAYS[way]
    user = refreshed(do(owner))
    assert user.is_proven == does
    if way != "the first administrator's link":
        assert AuditEntry.objects.filter(act=AuditAction.PERSON_PROVEN, object_id=str(user.pk)).exists() == does


def test_09_another_address_is_not_proven(owner: User) -> None:
    user = refreshed(by_reset(owner))
    for change in (
        lambda: user.save(),
        lambda: User.objects.filter(pk=user.pk).update(email=user.email, email_canonical=user.email),
    ):
        user.email = "other@corp.example"
        change()
        assert not refreshed(user).is_proven
        user.email = NEWHIRE
        user.save()
        assert refreshed(user).is_proven


def test_09_an_address_in_other_letters_is_the_same(owner: User) -> None:
    user = refreshed(by_reset(owner))
    user.email = NEWHIRE.upper()
    user.save()
    assert refreshed(user).is_proven
