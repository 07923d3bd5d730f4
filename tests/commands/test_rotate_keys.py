"""`rotate_keys`: every secret is re-encrypted; errors of the key file are reported."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands.installation import Installation
from tests.commands.seed import Customers


def ring(installation: Installation) -> Path:
    return installation.folder / "keys.json"


@pytest.mark.postgresql
def test_every_secret_is_reencrypted_and_still_works(installation: Installation, customers: Customers) -> None:
    customer = customers.add()
    customers.add()
    customers.bring_into(installation)
    before = json.loads(ring(installation).read_text())["primary"]
    result = installation.run("rotate_keys", "--new-key", "--json")
    assert (result.code, result.err) == (0, "")
    assert (result.data["rotated"], result.data["unreadable"]) == (2, 0)
    content = json.loads(ring(installation).read_text())
    assert result.data["primary"] == content["primary"] != before
    assert ring(installation).stat().st_mode & 0o777 == 0o600
    assert not any(key in result.out for key in content["keys"].values())
    again = installation.run("rotate_keys")
    assert (again.code, again.out) == (0, f'Secrets re-encrypted with the key "{content["primary"]}": 0.\n')
    # The old key is not needed any more.
    del content["keys"][before]
    ring(installation).write_text(json.dumps(content))
    assert installation.run("send_test", customer.address, "--to", "me@x.example").code == 0


@pytest.mark.postgresql
def test_secrets_of_a_lost_key_are_counted(installation: Installation, customers: Customers) -> None:
    customers.add()
    customers.bring_into(installation)
    lost = json.loads(ring(installation).read_text())
    del lost["keys"][lost["primary"]]
    ring(installation).write_text(json.dumps({"primary": "k1", "keys": {"k1": "a" * 43 + "="}}))
    result = installation.run("rotate_keys", "--json")
    assert (result.code, result.data["ok"], result.data["rotated"], result.data["unreadable"]) == (1, False, 0, 1)


@pytest.mark.parametrize(
    ("said", "spoil"),
    [
        ("is missing", lambda path: path.unlink()),
        ("is damaged", lambda path: path.write_text("{")),
        ("chmod 600", lambda path: path.chmod(0o644)),
        ("cannot be read", lambda path: (path.unlink(), path.mkdir(mode=0o700))),
    ],
)
def test_damaged_key_file_is_reported_and_kept(
    installation: Installation, customers: Customers, said: str, spoil: Callable[[Path], object]
) -> None:
    customers.add()
    customers.bring_into(installation)
    spoil(ring(installation))
    before = found(ring(installation))
    assert said in installation.run("rotate_keys", "--new-key").sentence
    assert found(ring(installation)) == before
    assert not list(installation.folder.glob(".keys.json.*"))


def found(path: Path) -> bytes | str:
    if path.is_dir():
        return "a folder"
    return path.read_bytes() if path.exists() else "nothing"
