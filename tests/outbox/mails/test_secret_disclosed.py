"""Owners and administrators are notified of a disclosed secret, by a mail that never contains it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from alertadmin.accounts.models import User
from alertadmin.accounts.models.membership import Membership
from alertadmin.accounts.roles import Role
from alertadmin.audit.actor import ANONYMOUS, Actor, acting_as
from alertadmin.outbox.mails import composers
from alertadmin.outbox.mails.composers import Content
from alertadmin.outbox.models import Delivery, Purpose
from alertadmin.registry.credentials import disclosure, one_time_link
from alertadmin.registry.models import Credential
from tests.factories import Rows

VALUE = "CANARY~mail-0123456789"


@pytest.fixture
def secret(rows: Rows) -> Credential:
    return rows.credential(value=VALUE, description="relay 2026")


def person(name: str, role: Role, tenant: object = None, **fields: object) -> User:
    user = User.objects.create(email=f"{name}@northpark.example", **fields)
    Membership.objects.create(user=user, role=role, tenant=tenant)  # type: ignore[misc]
    return user


def told() -> list[str]:
    return sorted(Delivery.objects.filter(purpose=Purpose.HANDOVER).values_list("recipient", flat=True))


def mail(recipient: str, now: datetime) -> Content:
    composed = composers.compose(Delivery.objects.get(purpose=Purpose.HANDOVER, recipient=recipient), now)
    assert isinstance(composed, Content)
    return composed


def test_only_owners_and_the_tenant_s_administrators_are_notified(
    secret: Credential, administrator: User, rows: Rows, now: datetime
) -> None:
    here, elsewhere = secret.app.tenant, rows.tenant("Southgate")
    for role in Role:
        person(f"here-{role}", role, here)
        person(f"elsewhere-{role}", role, elsewhere)
        person(f"everywhere-{role}", role)
    person("gone", Role.OWNER, is_active=False)
    disclosure.disclose(secret, by=administrator, reason="entered into ALERT", now=now)
    assert told() == sorted(
        [administrator.email]
        + [f"{name}@northpark.example" for name in ("everywhere-owner", "here-owner", "here-administrator")]
    )


def test_mail_contains_all_facts_but_not_the_value(secret: Credential, administrator: User, now: datetime) -> None:
    token = one_time_link.create(
        secret, recipient="Grace Holm", reason="for ALERT", lifetime=timedelta(hours=1), by=administrator, now=now
    )
    assert told() == []
    with acting_as(Actor(ANONYMOUS, address="192.0.2.7")):
        assert one_time_link.open_once(token, now)
    composed = mail(administrator.email, now)
    assert composed.subject == "A secret was shown: “relay 2026” of “ALERT”"
    for words in (composed.text, composed.html):
        for said in ("relay 2026", "Northpark Energy", "Grace Holm", "for ALERT", "192.0.2.7", "09:00", "Ada"):
            assert said in words
        assert VALUE not in words
        assert token not in words


def test_mail_is_in_the_recipient_s_language_even_if_the_secret_was_deleted(
    secret: Credential, administrator: User, now: datetime
) -> None:
    User.objects.update(language="fr")
    disclosure.disclose(secret, by=administrator, reason="saisi dans ALERT", now=now)
    secret.app.tenant.delete()
    composed = mail(administrator.email, now)
    assert composed.subject.startswith("Un secret a été affiché")
    assert "saisi dans ALERT" in composed.text
    assert composed.language == "fr"
