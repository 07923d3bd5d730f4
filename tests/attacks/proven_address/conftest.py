"""Accounts, links and roles for the tests of proven addresses."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from alertadmin.accounts.models import User
from alertadmin.accounts.models.membership import Membership, make_owner
from alertadmin.accounts.models.pending_role import PendingRole
from alertadmin.accounts.roles import Role
from tests.conftest import PASSWORD, hashed_password
from tests.helpers.login import signed_in_at

NEWHIRE = "newhire@corp.example"
NEW = "another horse battery staple"


@pytest.fixture
def owner(db: None) -> User:
    user = User.objects.create(email="owner@corp.example", password=hashed_password())
    make_owner(user)
    return user


@pytest.fixture
def newhire(db: None) -> User:
    return User.objects.create(email=NEWHIRE, password=hashed_password())


def path(link: str) -> str:
    return re.sub(r"^https?://[^/]+", "", link)


def roles(user: User) -> list[tuple[str, bool]]:
    return [(one.role, one.tenant_id is None) for one in Membership.objects.filter(user=user).order_by("pk")]


def give(giver: User, user: User, role: Role = Role.ADMINISTRATOR) -> str:
    client = signed_in_at(Client(), giver)
    answer = client.post(reverse("person-role", args=[user.pk]), {"role": role, "tenant": ""}, follow=True)
    return answer.content.decode()


def proof(user: User) -> str:
    return path(PendingRole.objects.get(user=user).link)


def refreshed(user: User) -> User:
    return User.objects.get(pk=user.pk)


def accept(link: str) -> User:
    answer = Client().post(path(link), {"name": "New Hire", "time_zone": "UTC", "password": PASSWORD})
    assert answer.status_code == 302
    return User.objects.get(email=NEWHIRE)
