"""The language of every kind of mail and channel message: the recipient's own, else the tenant's, else the
installation's."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from alertadmin.accounts.models import FirstAdministratorLink, User
from alertadmin.accounts.roles import Role
from alertadmin.accounts.services import invitations, users
from alertadmin.outbox.mails import composers
from alertadmin.outbox.mails import invitation as mails_invitation
from alertadmin.outbox.mails.recipient_language import language_of
from alertadmin.outbox.models import Delivery, Purpose
from alertadmin.registry.models import Tenant
from tests.attacks.test_08_hostile_names import owe_all, world
from tests.factories import Rows

__all__ = ["world"]

WORDS = {"en": (" the ", " was ", " by ", "You", " by "), "fr": (" le ", " la ", " de ", " par ", " à ")}
OF_A_TENANT = {Purpose.REMINDER, Purpose.CALENDAR, Purpose.TEST, Purpose.CONSENT, Purpose.INVITATION, Purpose.RENEWAL}
"""The mails that are about one tenant; the others are about the installation or an account of it."""


def of_channel(delivery: Delivery) -> bool:
    """Whether its channel belongs to the tenant, or to an app of it."""
    channel = delivery.channel
    return channel is not None and (channel.tenant is not None or channel.app is not None)


@pytest.mark.parametrize(
    ("own", "tenant", "installation"),
    [("fr", "en", "en"), ("en", "fr", "fr"), ("", "fr", "en"), ("", "en", "fr"), ("", "", "fr"), ("", "", "en")],
)
def test_every_mail(world: User, now: datetime, settings: Settings, own: str, tenant: str, installation: str) -> None:
    settings.LANGUAGE_CODE = installation
    User.objects.update(language=own)
    Tenant.objects.update(language=tenant)
    owe_all(world, now)
    User.objects.update(language=own)
    seen = set()
    for delivery in Delivery.objects.exclude(dedupe_key="the entry"):
        made = composers.compose(delivery, now + timedelta(minutes=50))
        if not isinstance(made, composers.Content):
            continue
        seen.add(delivery.purpose)
        has_account = User.objects.by_address(delivery.recipient) is not None
        is_of_tenant = of_channel(delivery) if delivery.uses_channel else delivery.purpose in OF_A_TENANT
        expected = (own if has_account else "") or (tenant if is_of_tenant else "") or installation
        other = "fr" if expected == "en" else "en"
        assert made.language == expected, delivery.purpose
        assert not made.html or f'<html lang="{expected}">' in made.html
        count = {language: sum(map(made.text.count, words)) for language, words in WORDS.items()}
        assert count[expected] > 0, (delivery.purpose, made.text)
        assert count[expected] > count[other] or expected == "en", (delivery.purpose, made.text)
    assert seen == set(Purpose.values)


def test_mail_about_an_account_takes_the_tenant_of_its_roles(rows: Rows, administrator: User) -> None:
    north, south = rows.tenant("Nord", language="fr"), rows.tenant("South", language="en")
    ada = User.objects.create(email="ada.nord@provider.example")
    assert language_of(ada.email) == "en"
    users.set_role(ada, north.pk, Role.VIEWER, by=administrator)
    assert language_of(ada.email) == "fr"
    users.set_role(ada, south.pk, Role.VIEWER, by=administrator)
    assert language_of(ada.email) == "en"


@pytest.mark.parametrize(
    ("chosen", "own", "language"), [("", None, "fr"), ("en", None, "en"), ("en", "fr", "fr"), ("fr", "", "fr")]
)
def test_invitation(
    rows: Rows, administrator: User, now: datetime, chosen: str, own: str | None, language: str
) -> None:
    tenant = rows.tenant("Nord", language="fr")
    if own is not None:
        User.objects.create(email="new@provider.example", language=own)
    made = invitations.invite(
        "new@provider.example", {tenant.pk: Role.VIEWER}, by=administrator, now=now, language=chosen
    )
    composed = mails_invitation.compose(mails_invitation.send(made, now, by=administrator), now)
    assert isinstance(composed, composers.Content)
    assert composed.language == language


def test_first_administrator_chooses_a_language(client: Client, db: None) -> None:
    url = reverse("first-administrator", args=[FirstAdministratorLink.make(timezone.now())])
    form = client.get(url, headers={"accept-language": "fr"}).context["form"]
    assert form["language"].value() == "fr"
    client.post(url, {"email": "ada@northpark.example", "password": "four short words here", "language": "fr",
                      "time_zone": "Romance Standard Time"})  # fmt: skip
    ada = User.objects.get()
    assert (ada.language, ada.time_zone) == ("fr", "Europe/Paris")


def test_invited_user_chooses_a_language(client: Client, administrator: User) -> None:
    roles: dict[UUID | None, Role] = {None: Role.VIEWER}
    now = timezone.now()
    made = invitations.invite("new@provider.example", roles, by=administrator, now=now, language="fr")
    form = client.get(made.link).context["form"]
    assert form["language"].value() == "fr"
    client.post(made.link, {"name": "Neu", "password": "four short words here", "language": "en", "time_zone": "UTC"})
    assert User.objects.get(email="new@provider.example").language == "en"
