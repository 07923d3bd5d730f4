"""A one-time link shows the secret once, expires, and each step is audited."""

from __future__ import annotations

from datetime import datetime, timedelta
from threading import Barrier, Thread

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from alertadmin import audit
from alertadmin.accounts.models import User
from alertadmin.accounts.models.membership import Membership
from alertadmin.accounts.roles import Role
from alertadmin.audit import AuditEntry
from alertadmin.crypto.keyring import Unreadable
from alertadmin.operator_log.redaction import TOKENS
from alertadmin.outbox.models import Delivery
from alertadmin.registry.credentials import disclosure, one_time_link
from alertadmin.registry.models import Credential, OneTimeLink, SecretDisclosure
from tests.factories import Rows

VALUE = "CANARY~link-0123456789"
DAY = timedelta(days=1)


@pytest.fixture
def secret(rows: Rows) -> Credential:
    return rows.credential(value=VALUE)


def made(secret: Credential, by: User, now: datetime, lifetime: timedelta = DAY) -> str:
    return one_time_link.create(
        secret, recipient=" Grace  Holm ", reason="for ALERT", lifetime=lifetime, by=by, now=now
    )


def opened(token: str, now: datetime) -> str:
    shown = one_time_link.open_once(token, now)
    return shown.value if shown else ""


def acts() -> list[tuple[str, str]]:
    return list(AuditEntry.objects.order_by("number").values_list("act", "result"))


@pytest.mark.control(59)
def test_link_shows_the_value_once_and_each_step_is_audited(
    secret: Credential, administrator: User, now: datetime
) -> None:
    token = made(secret, administrator, now)
    assert one_time_link.find(token, now), "looking uses nothing up"
    assert opened(token, now) == VALUE
    assert opened(token, now) == ""
    shown = SecretDisclosure.objects.get()
    assert (shown.by, shown.by_name, shown.reason) == (None, "Grace Holm", "for ALERT")
    assert acts() == [
        ("secret.link_made", "done"),
        ("secret.link_opened", "done"),
        ("secret.link_opened", "refused"),
    ]


@pytest.mark.control(1)
def test_database_contains_neither_token_nor_value(secret: Credential, administrator: User, now: datetime) -> None:
    token = made(secret, administrator, now)
    stored = str(OneTimeLink.objects.values().get()) + str(list(AuditEntry.objects.values()))
    assert token not in stored
    assert VALUE not in stored
    assert len(token) >= 43, "256 bits in base64"


@pytest.mark.control(3)
def test_logs_do_not_contain_the_token() -> None:
    assert TOKENS.sub(r"\1\3…\2", "Not Found: /secret/AbC-dEf/") == "Not Found: /secret/…/"


@pytest.mark.control(33)
@pytest.mark.parametrize(
    "change",
    ["ended", "revoked", "shown", "superseded", "emptied", "deleted", "maker lost the role", "maker locked out"],
)
def test_used_revoked_or_obsolete_link_shows_nothing(
    secret: Credential, administrator: User, now: datetime, change: str
) -> None:
    token = made(secret, administrator, now)
    assert one_time_link.find(token, now + DAY - timedelta(seconds=1))
    at = now
    match change:
        case "ended":
            at = now + DAY
        case "revoked":
            assert one_time_link.revoke(secret, now)
        case "shown":
            SecretDisclosure.objects.create(credential=secret, by_name="Ada", reason="x", at=now)
        case "superseded":
            Credential.objects.update(state="retired")
        case "emptied":
            Credential.objects.update(value=None)
        case "deleted":
            secret.delete()
        case "maker lost the role":
            Membership.objects.update(role=Role.VIEWER)
        case "maker locked out":
            User.objects.update(is_active=False)
    assert one_time_link.find(token, at) is None
    assert opened(token, at) == ""


def test_one_link_is_open_and_blocks_other_disclosure(secret: Credential, administrator: User, now: datetime) -> None:
    old = made(secret, administrator, now)
    with pytest.raises(ValidationError, match="has not been opened yet"):
        made(secret, administrator, now)
    with pytest.raises(ValidationError, match="has not been opened yet"):
        disclosure.disclose(secret, by=administrator, reason="x", now=now)
    new = made(secret, administrator, now + DAY)
    assert opened(old, now + DAY) == ""
    assert opened(new, now + DAY) == VALUE
    with pytest.raises(ValidationError, match="already shown"):
        made(secret, administrator, now + DAY)


def test_revocation_is_audited_once(secret: Credential, administrator: User, now: datetime) -> None:
    made(secret, administrator, now)
    assert one_time_link.revoke(secret, now)
    assert not one_time_link.revoke(secret, now)
    assert acts() == [("secret.link_made", "done"), ("secret.link_revoked", "done")]


def test_unreadable_secret_does_not_use_up_the_link(secret: Credential, administrator: User, now: datetime) -> None:
    token = made(secret, administrator, now)
    sealed = secret.value.token if secret.value else ""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE registry_credential SET value = %s", [sealed[:-6] + "AAAA" + sealed[-2:]])
    with pytest.raises(Unreadable):
        opened(token, now)
    assert not SecretDisclosure.objects.exists()
    assert acts()[1:] == [("secret.unreadable", "failed")]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE registry_credential SET value = %s", [sealed])
    assert opened(token, now) == VALUE


def refuse(*_: object, **__: object) -> None:
    raise RuntimeError("no record")


@pytest.mark.control(59)
@pytest.mark.parametrize("broken", [(audit, "record"), (Delivery.objects, "bulk_create")], ids=["record", "mail"])
def test_nothing_is_shown_if_audit_or_notification_fails(
    secret: Credential, administrator: User, now: datetime, monkeypatch: pytest.MonkeyPatch, broken: tuple[object, str]
) -> None:
    token = made(secret, administrator, now)
    with monkeypatch.context() as patch:
        patch.setattr(*broken, refuse)
        with pytest.raises(RuntimeError):
            opened(token, now)
    assert not SecretDisclosure.objects.exists()
    assert OneTimeLink.objects.get().state(now) == "waiting"
    assert one_time_link.revoke(secret, now)
    with monkeypatch.context() as patch:
        patch.setattr(*broken, refuse)
        with pytest.raises(RuntimeError):
            disclosure.disclose(secret, by=administrator, reason="x", now=now)
    assert not SecretDisclosure.objects.exists()
    assert disclosure.disclose(secret, by=administrator, reason="x", now=now) == VALUE


@pytest.mark.django_db(transaction=True)
def test_one_of_parallel_requests_gets_the_value(secret: Credential, administrator: User, now: datetime) -> None:
    token, seen, together = made(secret, administrator, now), [], Barrier(4)

    def open_it() -> None:
        try:
            together.wait()
            seen.append(opened(token, now))
        finally:
            connection.close()

    threads = [Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == ["", "", "", VALUE]
    assert [act for act in acts() if act == ("secret.link_opened", "done")] == [("secret.link_opened", "done")]
