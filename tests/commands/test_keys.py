"""`keys`: the number of secrets of each key, adding a key, and retiring an unused one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands.installation import Installation
from tests.commands.seed import Customers


def ring(installation: Installation) -> Path:
    return installation.folder / "keys.json"


@pytest.fixture
def used(installation: Installation, customers: Customers) -> Installation:
    """An installation with two stored secrets."""
    customers.add()
    customers.add()
    customers.bring_into(installation)
    return installation


def primary(installation: Installation) -> str:
    return str(json.loads(ring(installation).read_text())["primary"])


@pytest.mark.postgresql
@pytest.mark.control(12)
def test_key_is_retired_only_when_unused(used: Installation) -> None:
    old = primary(used)
    listed = used.run("keys", "--json").data
    assert (listed["primary"], listed["keys"]) == (
        old,
        [{"id": old, "secrets": 2, "primary": True, "missing": False}],
    )
    assert used.run("keys", "add").code == 0
    before = ring(used).read_bytes()
    refused = used.run("keys", "retire", old, "--json")
    assert (refused.code, refused.data["key"], refused.data["secrets"]) == (1, old, 2)
    assert "2 stored secrets" in refused.data["error"]
    assert ring(used).read_bytes() == before
    assert used.run("rotate_keys", "--json").data["rotated"] == 2
    retired = used.run("keys", "retire", old, "--json")
    assert retired.code == 0
    assert [key["id"] for key in retired.data["keys"]] == [primary(used)]
    assert list(json.loads(ring(used).read_text())["keys"]) == [primary(used)] != [old]
    assert used.run("rotate_keys", "--json").data["unreadable"] == 0


@pytest.mark.control(12)
def test_primary_and_unknown_keys_are_not_retired(installation: Installation) -> None:
    before = ring(installation).read_bytes()
    assert "no key" in installation.run("keys", "retire", "k0none").sentence
    assert "Name the key" in installation.run("keys", "retire").sentence
    assert "rotate_keys --new-key" in installation.run("keys", "retire", primary(installation)).sentence
    assert ring(installation).read_bytes() == before


@pytest.mark.control(10, 13)
def test_missing_key_is_named_with_its_number_of_secrets(used: Installation) -> None:
    lost = primary(used)
    ring(used).write_text(json.dumps({"primary": "k1", "keys": {"k1": "a" * 43 + "="}}))
    result = used.run("keys", "--json")
    assert (result.code, result.data["ok"]) == (1, False)
    assert {"id": lost, "secrets": 2, "primary": False, "missing": True} in result.data["keys"]
    assert f"{lost}  2 secrets  (MISSING)" in used.run("keys").out


@pytest.mark.control(14)
def test_keys_in_the_environment_are_not_changed_by_commands(installation: Installation, customers: Customers) -> None:
    given = installation.but(ALERTADMIN_KEYS=f"k2:{'b' * 43}=,k1:{'a' * 43}=")
    ring(installation).unlink()
    customer = customers.add()
    customers.bring_into(given)
    assert given.run("keys", "--json").data["keys"][0] == {
        "id": "k2",
        "secrets": 1,
        "primary": True,
        "missing": False,
    }
    assert given.run("send_test", customer.address, "--to", "me@x.example").code == 0
    for act in (["keys", "add"], ["keys", "retire", "k1"], ["rotate_keys", "--new-key"]):
        assert "ALERTADMIN_KEYS holds the keys" in given.run(*act).sentence
    assert not ring(installation).exists()
    swapped = installation.but(ALERTADMIN_KEYS=f"k3:{'c' * 43}=,k2:{'b' * 43}=")
    assert swapped.run("rotate_keys", "--json").data["rotated"] == 1
    shown = swapped.run("diffsettings", "--all").out
    assert "ENVIRONMENT" in shown
    assert "b" * 43 not in shown
