"""Files with several credentials of one app: each is monitored, and the same file again changes nothing.

Sources of the layouts: spreadsheets of public issue threads; learn.microsoft.com, passwordCredential and keyCredential
(az ad app list); the credential audits of community scripts, which write a row for each key ID.
"""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from alertadmin.audit.models import AuditEntry
from alertadmin.registry.credentials import rotation
from alertadmin.registry.credentials.verification import Verification
from alertadmin.registry.csv_import import NotImported, import_registrations
from alertadmin.registry.csv_import.options import ImportOptions
from alertadmin.registry.models import AppRegistration, Credential, CredentialState, Tenant
from alertadmin.registry.registration import add_credential
from tests.registry.csv_import.csv_files import ALERT, NORTHPARK, NOW, imported, imported_bytes, row, written

KEYS = [str(UUID(int=number)) for number in range(1, 6)]
ENDS = ["2026-12-10", "2027-06-30", "2028-01-31", "2028-02-29", "2028-03-31"]
pytestmark = pytest.mark.django_db


def secret(number: int, **cells: str) -> dict[str, str]:
    return row(**{"secret_value": "", "secret_description": "", "secret_expires_on": ENDS[number], **cells})


def az(**lists: list[dict[str, Any]]) -> bytes:
    return json.dumps([{"appId": ALERT, "displayName": "ALERT", **lists}]).encode()


def entra(number: int, name: str | None = None, **fields: str) -> dict[str, Any]:
    return {"keyId": KEYS[number], "displayName": name, "endDateTime": f"{ENDS[number]}T00:00:00Z", **fields}


FILES: dict[str, tuple[bytes, int]] = {
    "three with names, as someone writes them": (
        written(
            *(secret(n, secret_description=name) for n, name in enumerate(["old 2024", "portal 2025", "terraform"]))
        ),
        3,
    ),
    "key IDs and names": (written(*(secret(n, key_id=KEYS[n], secret_description=f"s{n}") for n in range(5))), 5),
    "key IDs alone": (written(*(secret(n, key_id=KEYS[n]) for n in range(5))), 5),
    "one name, told apart by key ID": (
        written(*(secret(n, key_id=KEYS[n], secret_description="rbac") for n in range(4))),
        4,
    ),
    "one name and one day, told apart by key ID": (
        written(*(secret(1, key_id=KEYS[n], secret_description="rbac") for n in range(4))),
        4,
    ),
    "key IDs and one day": (written(*(secret(1, key_id=KEYS[n]) for n in range(4))), 4),
    "braces and capital letters": (written(*(secret(n, key_id=f"{{{KEYS[n].upper()}}}") for n in range(3))), 3),
    "values and names": (
        written(*(secret(n, secret_description=f"s{n}", secret_value=f"value-of-{n}-" + "x" * 30) for n in range(3))),
        3,
    ),
    "a secret and a certificate of one name": (
        written(
            secret(0, key_id=KEYS[0], secret_description="alert", credential_type="secret"),
            secret(1, key_id=KEYS[1], secret_description="alert", credential_type="certificate"),
        ),
        2,
    ),
    "certificates by thumbprint and name": (
        written(
            *(
                secret(n, key_id=f"{n}" * 40, secret_description=f"cert {n}", credential_type="AsymmetricX509Cert")
                for n in range(3)
            )
        ),
        3,
    ),
    "neither names nor key IDs": (written(*(secret(n) for n in range(3))), 3),
    "neither names nor key IDs, several mailboxes": (
        written(*(secret(n // 2, mailbox=f"{n}@northpark.example") for n in range(4))),
        2,
    ),
    "values alone": (written(*(secret(n, secret_value=f"value-of-{n}-" + "x" * 30) for n in range(3))), 3),
    "one without a name beside others": (
        written(secret(0), secret(1, secret_description="s1"), secret(2, secret_description="s2")),
        3,
    ),
    "az: three secrets without names": (az(passwordCredentials=[entra(n) for n in range(3)]), 3),
    "az: secrets and certificates": (
        az(
            passwordCredentials=[entra(0, "rbac"), entra(1, "rbac")],
            keyCredentials=[entra(2, "CN=alert", type="AsymmetricX509Cert"), entra(3, type="AsymmetricX509Cert")],
        ),
        4,
    ),
}


def states_of(app_count: int = 1) -> list[str]:
    assert AppRegistration.objects.count() == app_count
    return list(Credential.objects.values_list("state", flat=True))


@pytest.mark.parametrize("name", FILES)
def test_all_are_monitored_and_the_same_file_again_changes_nothing(name: str) -> None:
    content, count = FILES[name]
    options = ImportOptions(directory_id=NORTHPARK, tenant_name="Northpark Energy")
    for turn in range(2):
        before = list(Credential.objects.order_by("pk").values())
        done = import_registrations(io.BytesIO(content), now=NOW, options=options)
        assert turn == 0 or (done.added, done.changed, list(Credential.objects.order_by("pk").values())) == (
            0,
            0,
            before,
        )
    assert Credential.objects.watched().count() == count
    assert sorted(states_of()) == sorted(["current", "next", *["other"] * count][:count])


def test_two_of_one_name_without_key_ids_are_asked_about() -> None:
    """The file does not say whether they are one: neither is dropped."""
    with pytest.raises(NotImported):
        imported(secret(0, secret_description="alert"), secret(1, secret_description="alert"))


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["add", "first", "stage", "promote", "retire", "monitor", "import"]),
        st.sampled_from(["", *KEYS[:3]]),
        st.sampled_from(["", "alert", "beside"]),
        st.integers(0, 4),
    ),
    max_size=8,
)


class AnyActs(TestCase):
    @settings(max_examples=25, deadline=None)
    @given(ACTS)
    def test_none_is_lost_and_no_state_changes_unrecorded(self, acts: list[tuple[str, str, str, int]]) -> None:
        tenant = Tenant.objects.create(name="Northpark Energy", directory_id=NORTHPARK)
        app = AppRegistration.objects.create(tenant=tenant, name="ALERT", client_id=ALERT)
        for number, (act, key_id, name, days) in enumerate(acts):
            before = dict(app.credentials.values_list("pk", "state"))
            entries = AuditEntry.objects.count()
            try:
                _apply(app, act, key_id, name, days, number)
            except (ValidationError, NotImported):
                assert dict(app.credentials.values_list("pk", "state")) == before
                continue
            after = dict(app.credentials.values_list("pk", "state"))
            assert before.keys() <= after.keys()
            changed = {pk for pk, state in after.items() if before.get(pk) != state}
            assert AuditEntry.objects.count() - entries >= len(changed) * (act != "import")
            # An import adds; a state that is stored it never changes.
            assert act != "import" or not changed & before.keys()
            if act not in ("promote", "retire"):
                assert {pk for pk in changed if after[pk] == CredentialState.RETIRED} == set()
            states = list(after.values())
            assert states.count(CredentialState.CURRENT) <= 1
            assert states.count(CredentialState.NEXT) <= 1


def _apply(app: AppRegistration, act: str, key_id: str, name: str, days: int, number: int) -> None:
    """One act, by the name of its function. An import is repeated, and then changes nothing."""
    ends = datetime(2027, 1, 1, tzinfo=UTC) + timedelta(days=days)
    match act:
        case "add":
            add_credential(app, key_id=key_id, description=name, expires_at=ends, state=CredentialState.OTHER)
        case "first":
            add_credential(app, key_id=key_id, description=name, expires_at=ends)
        case "stage":
            rotation.stage(app, value=f"value {number}", key_id=key_id, description=name, expires_at=ends)
        case "promote":
            waiting = app.credentials.filter(state__in=rotation.NOT_IN_USE, value__isnull=False).first()
            if waiting is not None:
                with patch.object(rotation, "verify_credential", return_value=Verification(True)):
                    assert rotation.promote(waiting, now=NOW).proven
        case "retire":
            for credential in app.credentials.all()[days : days + 1]:
                assert rotation.retire(credential) == (credential.state in rotation.NOT_IN_USE)
        case "monitor":
            for credential in app.credentials.all()[days : days + 1]:
                assert rotation.monitor_again(credential) == (credential.state == CredentialState.RETIRED)
        case "import":
            content = written(secret(days, key_id=key_id, secret_description=name))
            imported_bytes(content)
            again = imported_bytes(content)
            assert (again.added, again.changed) == (0, 0)
