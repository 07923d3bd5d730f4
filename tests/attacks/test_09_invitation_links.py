"""Item 9: an invitation's link proves the address that it is mailed to: people with a role in one tenant, who once
opened it themselves, never see it."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alertadmin.accounts.models import User
from alertadmin.accounts.models.invitation import Invitation
from alertadmin.accounts.models.membership import Membership, make_owner
from alertadmin.accounts.roles import Role
from alertadmin.accounts.services import invitations
from tests.conftest import hashed_password
from tests.factories import Rows
from tests.helpers.login import signed_in_at

pytestmark = pytest.mark.control(83)


@pytest.mark.parametrize("is_everywhere", [True, False])
def test_the_link_is_on_no_page_of_somebody_with_a_role_in_one_tenant(rows: Rows, is_everywhere: bool) -> None:
    tenant = rows.tenant()
    user = User.objects.create(email="me@provider.example", password=hashed_password())
    Membership.objects.create(user=user, role=Role.ADMINISTRATOR, tenant=None if is_everywhere else tenant)
    client = signed_in_at(Client(), user)
    client.post(
        reverse("invite"),
        {"address": "newhire@corp.example", "role": "viewer", "place": "some", "tenant": str(tenant.pk)},
    )
    made = Invitation.objects.get()
    page = client.get(reverse("invitation", args=[made.pk])).content.decode()
    renewed = client.post(reverse("invitation-renew", args=[made.pk]), follow=True).content.decode()
    made.refresh_from_db()
    mailed, shown = (link.rstrip("/").rpartition("/")[2] for link in (made.link, made.shown_link))
    assert (shown in renewed) == is_everywhere
    assert ("/invitation/" in page) == is_everywhere
    assert mailed not in renewed
    assert invitations.find(mailed, timezone.now()) == invitations.find(shown, timezone.now()) == made


@pytest.mark.parametrize("role", Role)
def test_the_link_is_on_no_page_of_people_who_could_not_give_its_roles(db: None, role: Role) -> None:
    """An administrator of the whole installation would become an owner by an invitation that an owner made."""
    owner = User.objects.create(email="owner@provider.example", password=hashed_password())
    make_owner(owner)
    user = User.objects.create(email="me@provider.example", password=hashed_password())
    Membership.objects.create(user=user, role=Role.ADMINISTRATOR)
    made = invitations.invite("new@provider.example", {None: role}, by=owner, now=timezone.now())
    page = signed_in_at(Client(), user).get(reverse("invitation", args=[made.pk])).content.decode()
    assert "new@provider.example" in page
    assert ("/invitation/" in page) == (role not in (Role.OWNER, Role.AUDITOR))
    assert "/invitation/" in signed_in_at(Client(), owner).get(reverse("invitation", args=[made.pk])).content.decode()
