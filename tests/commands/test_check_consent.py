"""`check_consent`: the status of each consent and its cause, by a new token."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from alertadmin.registry.permissions import Permission
from tests.commands.installation import Installation
from tests.commands.seed import Customers

UNKNOWN = "00000000-0000-4000-8000-000000000000"


def test_exit_code_is_0_if_all_is_granted(installation: Installation, customers: Customers) -> None:
    graph, ews = customers.add(), customers.add(transport="ews")
    customers.bring_into(installation)
    begun = datetime.now(UTC) - timedelta(seconds=1)
    result = installation.run("check_consent", "--json")
    assert (result.code, result.err, result.data["ok"], result.data["checked"]) == (0, "", True, 2)
    by_client = {one["client_id"]: one for one in result.data["consents"]}
    one = by_client[graph.client_id]
    assert (one["tenant"], one["directory_id"], one["app"]) == ("Customer 0", graph.directory_id, "ALERT")
    assert (one["permission"], one["status"], one["cause"], one["diagnosis"]) == ("Mail.Send", "granted", None, None)
    assert "Mail.Send" in one["roles"]
    assert begun <= datetime.fromisoformat(one["checked_at"]) <= datetime.now(UTC)
    assert by_client[ews.client_id]["permission"] == "full_access_as_app"
    alone = installation.run("check_consent", "--tenant", f"{{{ews.directory_id.upper()}}}")
    assert (alone.code, alone.out) == (0, "Customer 1 / ALERT / full_access_as_app: Granted\n")


@pytest.mark.postgresql
def test_each_tenant_has_its_own_result(installation: Installation, customers: Customers) -> None:
    good = customers.add()
    missing = customers.add(granted=[Permission.FULL_ACCESS])
    broken = customers.add(secret_value="not-the-value-of-any-secret-there-is")
    never_there = customers.add(directory_id=UNKNOWN)
    without = customers.add(secret_value="")
    customers.bring_into(installation)
    result = installation.run("check_consent", "--json")
    assert (result.code, result.data["ok"]) == (1, False)
    # Consents that went wrong are lines of the log.
    assert all(" consent.changed " in line for line in result.err.splitlines())
    by_client = {one["client_id"]: one for one in result.data["consents"]}
    assert {one.client_id: by_client[one.client_id]["status"] for one in customers.all} == {
        good.client_id: "granted",
        missing.client_id: "not_in_token",
        broken.client_id: "error",
        never_there.client_id: "error",
        without.client_id: "error",
    }
    assert by_client[missing.client_id]["roles"] == []
    assert by_client[broken.client_id]["cause"] == "secret_wrong"
    assert by_client[never_there.client_id]["cause"] == "tenant_not_found"
    assert "Only the end" in by_client[without.client_id]["technical"]
    diagnosis = by_client[broken.client_id]["diagnosis"]
    assert diagnosis["cause"] == "secret_wrong"
    assert diagnosis["fix"]
    assert broken.client_id in "".join(link["url"] for link in diagnosis["links"])
    for customer in customers.all:
        assert customer.secret not in result.out
    lines = installation.run("check_consent").out.splitlines()
    assert [line.partition(" / ")[0] for line in lines] == [f"Customer {number}" for number in range(5)]
    assert "Only the end" in lines[4]


def test_nothing_to_check_is_no_error(installation: Installation) -> None:
    assert installation.run("check_consent").out == "There is nothing to check yet.\n"


def test_unknown_tenant_is_named(installation: Installation, customers: Customers) -> None:
    customers.add()
    customers.bring_into(installation)
    unknown = installation.run("check_consent", "--tenant", UNKNOWN, "--json")
    assert (unknown.code, unknown.data["ok"]) == (1, False)
    assert UNKNOWN in unknown.data["error"]
    assert "looks like" in installation.run("check_consent", "--tenant", "").sentence


@pytest.mark.postgresql
def test_staged_secret_is_used_after_the_old_one_expired(installation: Installation, customers: Customers) -> None:
    customer = customers.add(days=-1, secret_value="the-old-one-that-has-ended")
    customers.bring_into(installation)
    customer.row |= {"secret_description": "new", "secret_value": customer.secret}
    customer.row["secret_expires_on"] = (datetime.now(UTC) + timedelta(days=400)).date().isoformat()
    assert "waits" in customers.bring_into(installation).data["remarks"][0]["message"]
    result = installation.run("check_consent", "--json")
    assert (result.code, result.data["promoted"]) == (0, 1)
    assert installation.run("check_consent", "--json").data["promoted"] == 0
