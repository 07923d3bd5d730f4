"""An app has any number of secrets, told apart by their IDs: each stays monitored until an act on the record."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from alertadmin.audit.models import AuditEntry
from alertadmin.registry.credentials import certificates, rotation
from alertadmin.registry.models import Credential, CredentialKind, CredentialState
from alertadmin.registry.registration import add_credential
from sandbox import Sandbox
from tests.factories import Rows

KEYS = [str(UUID(int=number)) for number in range(1, 5)]
pytestmark = pytest.mark.django_db


def test_an_id_is_there_once_per_app(rows: Rows) -> None:
    stored = rows.credential(key_id=KEYS[0])
    with pytest.raises(IntegrityError, match=r"one_credential_per_key_id|app_id|key_id"), transaction.atomic():
        rows.credential(stored.app, state=CredentialState.OTHER, key_id=KEYS[0])
    rows.credential(key_id=KEYS[0])
    rows.credential(stored.app, state=CredentialState.OTHER)
    rows.credential(stored.app, state=CredentialState.OTHER)


def test_the_id_in_use_cannot_be_staged_again(rows: Rows) -> None:
    stored = rows.credential(key_id=KEYS[0], value="verified", proven_at=rows.now)
    with pytest.raises(ValidationError):
        rotation.stage(stored.app, value="another", key_id=KEYS[0], expires_at=rows.now + timedelta(days=9))


@pytest.mark.parametrize("works", [True, False])
def test_the_one_in_use_takes_the_value_that_it_lacks(sandbox: Sandbox, rows: Rows, works: bool) -> None:
    """Imported without its value, it cannot be used; with the value of the same ID, it is not another."""
    site = rows.site(sandbox)
    right = str(sandbox.directory.add_secret(site.app.client_id).value)
    Credential.objects.filter(pk=site.credential.pk).update(value=None, key_id=KEYS[0])
    ends = site.credential.expires_at
    value = right if works else "mistaken"
    done = rotation.rotate(site.app, value=value, key_id=KEYS[0], expires_at=ends, now=rows.now)
    assert (done.proven, done.was_in_use, done.credential.pk) == (works, True, site.credential.pk)
    only = Credential.objects.get(app=site.app)
    assert (only.state, only.description, only.holds(value)) == (CredentialState.CURRENT, "alert", True)
    if not works:
        assert rotation.rotate(site.app, value=right, key_id=KEYS[0], expires_at=ends, now=rows.now).proven
    with pytest.raises(ValidationError):
        rotation.rotate(site.app, value="another", key_id=KEYS[0], expires_at=ends, now=rows.now)


def test_a_monitored_certificate_takes_its_key(rows: Rows) -> None:
    app = rows.credential().app
    watched = rows.credential(app, state=CredentialState.OTHER, kind=CredentialKind.CERTIFICATE, key_id=KEYS[1])
    pair = certificates.generate("ALERT", now=rows.now, lasts=timedelta(days=90))
    fields: dict[str, Any] = {"value": pair.private_key, "certificate": pair.certificate, "expires_at": pair.expires_at}
    staged = rotation.stage(app, key_id=KEYS[1], **fields)
    assert (staged.pk, staged.state, staged.description) == (watched.pk, CredentialState.NEXT, "alert")
    beside = rotation.stage(app, description="alert", **fields)
    assert beside.pk != staged.pk


@pytest.mark.django_db(transaction=True)
def test_of_two_concurrent_first_secrets_one_is_in_use(rows: Rows) -> None:
    app = rows.app()
    together = threading.Barrier(2)

    def add(number: int) -> str:
        with closing(connection):
            together.wait()
            try:
                return add_credential(app, value=f"value {number}", expires_at=rows.now + timedelta(days=9)).state
            except ValidationError as error:
                return str(error.messages)

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(add, range(2)))
    assert answers == ["['This app already has a secret in use: replace that one.']", "current"]


def test_a_monitored_secret_takes_its_value(rows: Rows) -> None:
    app = rows.credential().app
    watched = add_credential(app, key_id=KEYS[1], expires_at=rows.now + timedelta(days=9), state=CredentialState.OTHER)
    staged = rotation.stage(app, value="its value", key_id=KEYS[1], expires_at=rows.now + timedelta(days=9))
    assert (staged.pk, staged.state, staged.holds("its value")) == (watched.pk, CredentialState.NEXT, True)


def test_a_corrected_value_is_no_second_secret(rows: Rows) -> None:
    app = rows.credential().app
    ends = rows.now + timedelta(days=9)
    first = rotation.stage(app, value="mistaken", description="alert", expires_at=ends)
    second = rotation.stage(app, value="right", description="alert", expires_at=ends)
    assert (second.pk, second.holds("right")) == (first.pk, True)


ACTS = st.lists(st.tuples(st.sampled_from(["add", "stage"]), st.sampled_from(["", *KEYS]), st.integers(1, 900)))


class AnyActs(TestCase):
    @settings(max_examples=25, deadline=None)
    @given(ACTS)
    def test_none_is_lost_from_monitoring(self, acts: list[tuple[str, str, int]]) -> None:
        rows = Rows(datetime(2026, 11, 23, 8, tzinfo=UTC))
        app = rows.credential(description="first").app
        known = {""}
        for number, (act, key_id, days) in enumerate(acts):
            before = set(app.credentials.watched().values_list("pk", flat=True))  # type: ignore[attr-defined]
            entries = AuditEntry.objects.count()
            ends = rows.now + timedelta(days=days)
            try:
                if act == "add":
                    add_credential(app, key_id=key_id, expires_at=ends, state=CredentialState.OTHER)
                else:
                    rotation.stage(app, value=f"value {number}", key_id=key_id, expires_at=ends)
            except ValidationError:
                assert key_id in known - {""}
                continue
            known.add(key_id)
            assert before <= set(app.credentials.watched().values_list("pk", flat=True))  # type: ignore[attr-defined]
            assert AuditEntry.objects.count() > entries
        by_key = Credential.objects.filter(app=app).exclude(key_id="").values_list("key_id", flat=True)
        assert sorted(by_key) == sorted(known - {""})
