"""Consent checks against the sandbox's Entra: granted, not in the token, or an error with its cause."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from pytest_django import DjangoAssertNumQueries, Settings

from alertadmin.crypto.fields import EncryptedValue
from alertadmin.registry import messages
from alertadmin.registry.consent.checks import check_consent, check_consents, required_pairs
from alertadmin.registry.consent.consent_client import UNREACHABLE_AFTER
from alertadmin.registry.models import AppRegistration, Consent, ConsentStatus, Credential, CredentialKind, Mailbox
from alertadmin.registry.permissions import Permission, TransportName
from mailer.coded_text import english, is_coded
from sandbox import Sandbox
from tests.conftest import set_environment
from tests.factories import Rows, Site
from tests.supervisor.installation import free_port

MAIL_SEND, FULL_ACCESS, SMTP_SEND = Permission.MAIL_SEND, Permission.FULL_ACCESS, Permission.SMTP_SEND


def checked(site: Site, rows: Rows) -> dict[str, Consent]:
    """By permission, as stored."""
    check_consent(AppRegistration.objects.get(pk=site.app.pk), site.tenant, now=rows.now)
    return {consent.permission: consent for consent in Consent.objects.filter(app=site.app, tenant=site.tenant)}


def statuses(site: Site, rows: Rows) -> dict[str, str]:
    return {permission: consent.status for permission, consent in checked(site, rows).items()}


def only(site: Site, rows: Rows) -> Consent:
    """The consent, with the values that are the same for all permissions of an app."""
    consents = checked(site, rows).values()
    assert len({(one.status, one.cause) for one in consents}) == 1
    return next(iter(consents))


# Roles in the token


def test_each_permission_is_granted_or_not_in_the_token(sandbox: Sandbox, rows: Rows) -> None:
    site = rows.site(sandbox, granted=[MAIL_SEND, SMTP_SEND])
    found = checked(site, rows)
    assert {permission: consent.status for permission, consent in found.items()} == {
        MAIL_SEND: ConsentStatus.GRANTED,
        FULL_ACCESS: ConsentStatus.NOT_IN_TOKEN,
        SMTP_SEND: ConsentStatus.GRANTED,
    }
    assert found[MAIL_SEND].roles == ["Mail.Send"]
    assert found[FULL_ACCESS].roles == ["SMTP.SendAsApp"]
    assert {consent.checked_at for consent in found.values()} == {rows.now}
    assert found[FULL_ACCESS].cause == "role_missing"


def test_each_check_requests_a_token_and_updates_the_row(sandbox: Sandbox, rows: Rows) -> None:
    site = rows.site(sandbox, granted=[MAIL_SEND])
    first = checked(site, rows)[MAIL_SEND]
    sandbox.directory.revoke(site.app.client_id, MAIL_SEND)
    rows.now += timedelta(minutes=1)
    second = checked(site, rows)[MAIL_SEND]
    assert (second.pk, second.status, second.checked_at) == (first.pk, ConsentStatus.NOT_IN_TOKEN, rows.now)


def test_what_a_check_returns_is_what_is_stored(sandbox: Sandbox, rows: Rows) -> None:
    site = rows.site(sandbox)
    for _round in range(2):
        returned = check_consent(site.app, site.tenant, now=rows.now)
        assert {one.pk for one in returned} == set(Consent.objects.values_list("pk", flat=True))


def test_successful_check_marks_the_secret_proven(sandbox: Sandbox, rows: Rows) -> None:
    good, broken = rows.site(sandbox, granted=[]), rows.site(sandbox)
    broken.credential.value = "wrong"
    broken.credential.save()
    list(check_consents(required_pairs(), now=rows.now))
    good.credential.refresh_from_db()
    broken.credential.refresh_from_db()
    assert (good.credential.proven_at, broken.credential.proven_at) == (rows.now, None)


def test_app_is_checked_in_each_tenant_with_a_mailbox(sandbox: Sandbox, rows: Rows) -> None:
    site, other = rows.site(sandbox), rows.site(sandbox, name="Harbour")
    site.app.permissions = [MAIL_SEND]
    site.app.save()
    Mailbox.objects.create(app=site.app, tenant=other.tenant, address="a@x.example", transport=TransportName.EWS)
    pairs = {
        (pair.tenant.name, pair.permissions) for pair in required_pairs(AppRegistration.objects.filter(pk=site.app.pk))
    }
    assert pairs == {("Northpark Energy", (MAIL_SEND,)), ("Harbour", (MAIL_SEND, FULL_ACCESS))}
    # Single tenant: the other directory knows nothing of it.
    check_consent(site.app, other.tenant, now=rows.now)
    assert set(Consent.objects.filter(app=site.app).values_list("tenant__name", "status", "cause")) == {
        ("Harbour", "error", "app_not_found")
    }


def test_app_without_required_permissions_is_not_checked(rows: Rows) -> None:
    assert list(required_pairs([rows.app(permissions=[])])) == []


@pytest.mark.parametrize("kind", ["PKCS8", "TraditionalOpenSSL"])
def test_app_is_checked_with_a_certificate(sandbox: Sandbox, rows: Rows, kind: str) -> None:
    site = rows.site(sandbox)
    pair = trustme.CA(key_type=trustme.KeyType.RSA).issue_cert("alert.example", key_type=trustme.KeyType.RSA)
    key = load_pem_private_key(pair.private_key_pem.bytes(), None)
    sandbox.directory.add_certificate(site.app.client_id, pair.cert_chain_pems[0].bytes())
    site.credential.kind = CredentialKind.CERTIFICATE
    site.credential.certificate = pair.cert_chain_pems[0].bytes().decode()
    site.credential.store(key.private_bytes(Encoding.PEM, getattr(PrivateFormat, kind), NoEncryption()).decode())
    site.credential.save()
    assert set(statuses(site, rows).values()) == {ConsentStatus.GRANTED}


# Errors


Break = Callable[[Sandbox, Site], object]


@pytest.mark.parametrize(
    ("cause", "broken"),
    [
        ("secret_wrong", lambda sandbox, site: site.credential.store("wrong")),
        ("secret_expired", lambda sandbox, site: expire(sandbox, site)),
        ("app_not_found", lambda sandbox, site: sandbox.directory.remove_app(site.app.client_id)),
        ("app_disabled", lambda sandbox, site: sandbox.directory.disable_app(site.app.client_id)),
        ("tenant_not_found", lambda sandbox, site: sandbox.directory.remove_tenant(site.tenant.directory_id)),
        ("transient", lambda sandbox, site: sandbox.faults.add("token", status=503, times=None)),
        ("throttled", lambda sandbox, site: sandbox.faults.add("token", status=429, times=None)),
        ("network", lambda sandbox, site: sandbox.faults.add("token", reset="before", times=None)),
    ],
)
def test_a_refusal_is_stored_with_its_cause(sandbox: Sandbox, rows: Rows, cause: str, broken: Break) -> None:
    site = rows.site(sandbox)
    value = site.credential.value
    assert value is not None
    broken(sandbox, site)
    site.credential.save()
    consent = only(site, rows)
    assert (consent.status, consent.cause) == (ConsentStatus.ERROR, cause)
    assert consent.technical
    assert value.decrypt() not in consent.technical


def expire(sandbox: Sandbox, site: Site) -> None:
    (secret,) = sandbox.directory.secrets(site.app.client_id)
    sandbox.directory.expire_secret(site.app.client_id, secret)


@pytest.mark.parametrize(
    ("said", "broken"),
    [
        ("has no secret in use", lambda sandbox, site: site.credential.delete()),
        ("Only the end", lambda sandbox, site: Credential.objects.update(value=None)),
        ("altered or moved", lambda sandbox, site: Credential.objects.update(value=of_another_row(site))),
    ],
)
def test_unusable_secret_is_reported(
    transactional_db: None, sandbox: Sandbox, rows: Rows, said: str, broken: Break
) -> None:
    site = rows.site(sandbox)
    broken(sandbox, site)
    consent = only(site, rows)
    assert (consent.status, consent.cause) == (ConsentStatus.ERROR, "")
    assert said in english(consent.technical)


def Mailbox_password(site: Site) -> object:
    site.mailbox.password = "of another row"
    return site.mailbox.password


def of_another_row(site: Site) -> EncryptedValue | None:
    site.mailbox.password = "of another row"
    return site.mailbox.password


def test_missing_key_is_reported(sandbox: Sandbox, rows: Rows, settings: Settings, tmp_path: Path) -> None:
    site = rows.site(sandbox)
    set_environment(settings, KEYS_FILE=str(tmp_path / "gone.json"))
    assert "gone.json is missing" in english(only(site, rows).technical)


def test_removed_cloud_affects_only_its_own_tenants(sandbox: Sandbox, rows: Rows) -> None:
    lost, good = rows.site(sandbox), rows.site(sandbox)
    lost.tenant.cloud = "gone"
    lost.tenant.save()
    list(check_consents(required_pairs(), now=rows.now))
    assert set(Consent.objects.filter(app=good.app).values_list("status", flat=True)) == {"granted"}
    (technical,) = set(Consent.objects.filter(app=lost.app).values_list("technical", flat=True))
    assert "ALERTADMIN_CLOUDS_FILE" in english(technical)


# An unreachable cloud


@pytest.fixture
def silent(sandbox: Sandbox, settings: Settings, tmp_path: Path) -> Iterator[socket.socket]:
    """A cloud "silent" whose authority accepts connections and never answers."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=64)) as listener:
        add_cloud(sandbox, settings, tmp_path, "silent", listener.getsockname()[1])
        yield listener


def add_cloud(sandbox: Sandbox, settings: Settings, folder: Path, slug: str, port: int) -> None:
    lab = sandbox.clouds_file.read_text().replace('"ca.pem"', f'"{sandbox.ca_file}"')
    table = lab[lab.index("[lab]") : lab.index("[onprem]")].replace("[lab]", f"[{slug}]")
    path = folder / "clouds.toml"
    path.write_text(
        lab + "\n" + table.replace(f'authority = "{sandbox.url}"', f'authority = "https://localhost:{port}"')
    )
    set_environment(settings, CLOUDS_FILE=str(path))


def test_results_are_stored_without_waiting_for_a_silent_cloud(
    silent: socket.socket, sandbox: Sandbox, rows: Rows
) -> None:
    dead = [rows.site(sandbox, name=f"Dead {number}") for number in range(10)]
    for site in dead:
        site.tenant.cloud = "silent"
        site.tenant.save()
        site.credential.store("x")
        site.credential.save()
    alive = [rows.site(sandbox, name=f"Live {number}") for number in range(4)]
    consents = check_consents(required_pairs(), now=rows.now)
    for _consent in range(len(alive) * len(Permission)):
        assert next(consents).tenant.name.startswith("Live")
    assert Consent.objects.filter(status=ConsentStatus.GRANTED).count() == len(alive) * len(Permission)
    silent.close()
    assert {(one.tenant.cloud, one.status, one.cause) for one in consents} == {("silent", "error", "network")}


def test_silent_cloud_is_not_tried_for_every_tenant(
    sandbox: Sandbox, rows: Rows, settings: Settings, tmp_path: Path
) -> None:
    add_cloud(sandbox, settings, tmp_path, "closed", free_port())
    for number in range(UNREACHABLE_AFTER + 20):
        rows.credential(rows.app(rows.tenant(f"Dead {number}", cloud="closed")), value="x")
    alive = rows.site(sandbox)
    list(check_consents(required_pairs(), now=rows.now))
    dead = Consent.objects.exclude(app=alive.app)
    assert dead.count() == UNREACHABLE_AFTER + 20
    assert set(dead.values_list("status", "cause")) == {("error", "network")}
    skipped = [one for one in dead if is_coded(one.technical, messages.NOT_CHECKED)]
    assert 10 <= len(skipped) <= 20
    assert set(Consent.objects.filter(app=alive.app).values_list("status", flat=True)) == {"granted"}


def test_any_response_resets_the_unanswered_count(sandbox: Sandbox, rows: Rows) -> None:
    for number in range(UNREACHABLE_AFTER + 10):
        rows.credential(rows.app(rows.tenant(f"Never there {number}", cloud="lab")), value="x")
    list(check_consents(required_pairs(), now=rows.now))
    assert set(Consent.objects.values_list("cause", flat=True)) == {"tenant_not_found"}


# Parallel changes


@pytest.mark.django_db(transaction=True)
def test_deleted_rows_are_left_out_of_results(sandbox: Sandbox, rows: Rows) -> None:
    gone, kept = rows.site(sandbox), rows.site(sandbox)
    pairs = list(required_pairs())
    gone.tenant.delete()
    assert {consent.app for consent in check_consents(pairs, now=rows.now)} == {kept.app}
    assert set(Consent.objects.values_list("app", flat=True)) == {kept.app.pk}


def test_check_needs_few_queries(
    sandbox: Sandbox, rows: Rows, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    sites = [rows.site(sandbox) for _site in range(5)]
    with django_assert_max_num_queries(3 + 5 * len(sites)):
        list(check_consents(required_pairs(), now=rows.now))
