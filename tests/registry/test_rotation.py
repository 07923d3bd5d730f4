"""Rotation of a secret: the old one stays in use until the new one got a token."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from alertadmin.registry import messages
from alertadmin.registry.credentials import rotation
from alertadmin.registry.credentials.rotation import Replacement
from alertadmin.registry.models import AppRegistration, Credential, CredentialState
from mailer.coded_text import english
from sandbox import Sandbox
from sandbox.faults import Service
from tests.factories import Rows, Site

pytestmark = pytest.mark.django_db


def new_value(sandbox: Sandbox, site: Site) -> str:
    """Another secret of the app that is valid in the sandbox."""
    return str(sandbox.directory.add_secret(site.app.client_id).value)


def replaced(site: Site, rows: Rows, value: str, description: str = "new") -> Replacement:
    return rotation.rotate(
        site.app, value=value, expires_at=rows.now + timedelta(days=700), description=description, now=rows.now
    )


def states(site: Site) -> dict[str, str]:
    return dict(Credential.objects.filter(app=site.app).values_list("description", "state"))


def test_a_token_puts_the_new_secret_in_use(sandbox: Sandbox, rows: Rows) -> None:
    site = rows.site(sandbox)
    begun = len(sandbox.ledger.entries())
    done = replaced(site, rows, new_value(sandbox, site))
    assert (done.proven, done.credential.state, done.credential.proven_at) == (True, CredentialState.CURRENT, rows.now)
    assert states(site) == {"alert": "retired", "new": "current"}
    tokens = [one for one in sandbox.ledger.entries()[begun:] if one["kind"] == "token"]
    assert [(one["client_id"], one["accepted"]) for one in tokens] == [(site.app.client_id, True)]


def test_each_verification_requests_a_new_token(sandbox: Sandbox, rows: Rows) -> None:
    """A cached token would prove nothing about the new secret."""
    site = rows.site(sandbox)
    value = new_value(sandbox, site)
    (secret,) = [one for one in sandbox.directory.secrets(site.app.client_id) if value.startswith(one.hint)]
    assert replaced(site, rows, value).proven
    sandbox.directory.remove_secret(site.app.client_id, secret)
    site.app.credentials.filter(state=CredentialState.CURRENT).update(state=CredentialState.RETIRED)
    again = replaced(site, rows, value, "again")
    assert (again.proven, again.cause) == (False, "secret_wrong")


def test_failed_secret_stays_staged_and_the_old_one_in_use(sandbox: Sandbox, rows: Rows) -> None:
    site = rows.site(sandbox)
    done = replaced(site, rows, "not-the-value-of-any-secret")
    assert (done.proven, done.cause) == (False, "secret_wrong")
    assert "AADSTS7000215" in done.technical
    assert "not-the-value" not in done.technical
    assert states(site) == {"alert": "current", "new": "next"}
    assert done.credential.proven_at is None


@pytest.mark.parametrize("service", ["token", "discovery"])
def test_secret_staged_during_an_outage_is_promoted_later(sandbox: Sandbox, rows: Rows, service: Service) -> None:
    site = rows.site(sandbox)
    sandbox.faults.add(service, status=503, times=None)
    done = replaced(site, rows, new_value(sandbox, site))
    assert (done.proven, done.cause) == (False, "transient")
    assert states(site) == {"alert": "current", "new": "next"}
    sandbox.faults.clear()
    assert rotation.promote(done.credential, now=rows.now).proven
    assert states(site) == {"alert": "retired", "new": "current"}


def test_earlier_staged_secret_stays_monitored(sandbox: Sandbox, rows: Rows) -> None:
    site = rows.site(sandbox)
    replaced(site, rows, "wrong", "first")
    replaced(site, rows, "wrong too", "second")
    assert states(site) == {"alert": "current", "first": "other", "second": "next"}
    assert replaced(site, rows, new_value(sandbox, site), "third").proven
    assert states(site) == {"alert": "retired", "first": "other", "second": "other", "third": "current"}


def test_value_in_use_is_refused_as_replacement(sandbox: Sandbox, rows: Rows) -> None:
    """Its expiry date would be wrong, and it would expire without a reminder."""
    site = rows.site(sandbox)
    assert site.credential.value is not None
    with pytest.raises(ValidationError) as refused:
        replaced(site, rows, site.credential.value.decrypt())
    assert refused.value.code == "same_value"
    assert states(site) == {"alert": "current"}


def test_invalid_replacement_leaves_the_staged_secret(sandbox: Sandbox, rows: Rows) -> None:
    site = rows.site(sandbox)
    replaced(site, rows, "wrong", "waits")
    with pytest.raises(ValidationError):
        rotation.rotate(site.app, value="x", expires_at=rows.now, starts_at=rows.now, now=rows.now)
    assert states(site) == {"alert": "current", "waits": "next"}


def test_removed_cloud_is_reported(sandbox: Sandbox, rows: Rows) -> None:
    site = rows.site(sandbox)
    site.tenant.cloud = "gone"
    site.tenant.save()
    done = replaced(site, rows, "x")
    assert not done.proven
    assert "ALERTADMIN_CLOUDS_FILE" in english(done.technical)


# Parallel rotations


@pytest.mark.django_db(transaction=True)
def test_last_of_parallel_replacements_is_in_use(sandbox: Sandbox, rows: Rows) -> None:
    site = rows.site(sandbox)
    values = {f"number {number}": new_value(sandbox, site) for number in range(4)}
    together = threading.Barrier(len(values))

    def replace(description: str) -> Replacement:
        with closing(connection):
            together.wait()
            app = AppRegistration.objects.select_related("tenant").get(pk=site.app.pk)
            return rotation.rotate(
                app,
                value=values[description],
                expires_at=rows.now + timedelta(days=700),
                description=description,
                now=rows.now,
            )

    with ThreadPoolExecutor(len(values)) as pool:
        done = list(pool.map(replace, values))
    last = site.app.credentials.order_by("created_at").last()
    assert last is not None
    found = states(site)
    assert found.pop(last.description) == "current"
    assert found.pop("alert") == "retired"
    assert set(found.values()) <= {"other", "retired"}
    assert next(one for one in done if one.credential.pk == last.pk).proven
    for one in done:
        assert one.proven or one.technical == messages.SUPERSEDED


@pytest.mark.django_db(transaction=True)
def test_late_verification_does_not_restore_a_retired_secret(sandbox: Sandbox, rows: Rows) -> None:
    site = rows.site(sandbox)
    first, second = new_value(sandbox, site), new_value(sandbox, site)
    sandbox.faults.add("token", delay=1.0, mailbox=site.app.client_id)
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(in_a_thread, site, rows, first)
        wait_for_fault(sandbox, site)
        assert replaced(site, rows, second, "second").proven
        assert (late.result().proven, late.result().technical) == (False, messages.SUPERSEDED)
    assert states(site) == {"alert": "retired", "first": "other", "second": "current"}


@pytest.mark.django_db(transaction=True)
def test_secret_deleted_during_verification_stays_deleted(sandbox: Sandbox, rows: Rows) -> None:
    site = rows.site(sandbox)
    value = new_value(sandbox, site)
    sandbox.faults.add("token", delay=0.5, mailbox=site.app.client_id)
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(in_a_thread, site, rows, value)
        wait_for_fault(sandbox, site)
        Credential.objects.filter(description="first").delete()
        assert (late.result().proven, late.result().technical) == (False, messages.SUPERSEDED)
    assert states(site) == {"alert": "current"}


def in_a_thread(site: Site, rows: Rows, value: str) -> Replacement:
    with closing(connection):
        return replaced(site, rows, value, "first")


def wait_for_fault(sandbox: Sandbox, site: Site) -> None:
    """Wait until the sandbox delays the token of this app."""
    sandbox.ledger.wait_until(
        lambda entries: any(one["kind"] == "fault" and one["mailbox"] == site.app.client_id for one in entries)
    )


# Staged credentials


def test_staged_secret_is_promoted_when_the_current_one_expires(sandbox: Sandbox, rows: Rows) -> None:
    ended, good, hopeless, without = (rows.site(sandbox) for _site in range(4))
    sandbox.faults.add("token", status=503, times=4)
    for site in (ended, good, without):
        replaced(site, rows, new_value(sandbox, site))
    sandbox.faults.clear()
    replaced(hopeless, rows, "wrong")
    Credential.objects.filter(app__in=[ended.app, hopeless.app], state="current").update(expires_at=rows.now)
    Credential.objects.filter(app=without.app, state="current").delete()
    done = rotation.promote_overdue(now=rows.now)
    assert {one.credential.app: one.proven for one in done} == {
        ended.app: True,
        hopeless.app: False,
        without.app: True,
    }
    assert states(ended) == {"alert": "retired", "new": "current"}
    assert states(good) == {"alert": "current", "new": "next"}
    assert states(hopeless) == {"alert": "current", "new": "next"}
    assert states(without) == {"new": "current"}
