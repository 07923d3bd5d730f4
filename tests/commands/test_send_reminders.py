"""`send_reminders`: every due reminder is sent once, by a route that works."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from sandbox import Sandbox
from tests.commands.databases import database
from tests.commands.installation import Installation, finished
from tests.commands.seed import Customers

pytestmark = pytest.mark.postgresql


@contextmanager
def copied(installation: Installation) -> Iterator[Callable[[], Installation]]:
    """Copy the database now; the returned function replaces the later one with the copy."""
    file = installation.folder / "alertadmin.sqlite3"
    content = file.read_bytes() if file.exists() else b""
    with database(template=installation.environ.get("ALERTADMIN_DATABASE_URL", "")) as environ:

        def put_back() -> Installation:
            if content:
                file.write_bytes(content)
            return installation.but(**environ)

        yield put_back


def relayed(installation: Installation, sandbox: Sandbox) -> Installation:
    return installation.but(ALERTADMIN_SMTP_URL=f"smtp://{sandbox.relay_host}:{sandbox.relay_port}")


def test_second_run_sends_nothing(fresh: Installation, customers: Customers) -> None:
    customers.add(days=400)
    customers.add(days=5, contacts="once@x.example; twice@x.example")
    customers.bring_into(fresh)
    first = fresh.run("send_reminders", "--json")
    assert (first.code, first.data["ok"]) == (0, True)
    assert (first.data["reminders"], first.data["deliveries"], first.data["sent"]) == (1, 2, 2)
    second = fresh.run("send_reminders", "--json")
    assert second.code == 0
    assert (second.data["reminders"], second.data["deliveries"], second.data["sent"]) == (0, 0, 0)
    assert [len(customers.messages(f"{who}@x.example")) for who in ("once", "twice")] == [1, 1]


def test_two_runs_at_once_send_each_message_once(installation: Installation, customers: Customers) -> None:
    for number in range(12):
        customers.add(days=5, contacts=f"together-{number}@x.example")
    customers.bring_into(installation)
    results = [finished(one) for one in [installation.start("send_reminders", "--json") for _run in range(2)]]
    assert sum(result.data["reminders"] for result in results) == 12
    again = installation.run("send_reminders", "--json")
    assert (again.code, again.data["sent"]) == (0, 0)
    counted = Counter(len(customers.messages(f"together-{number}@x.example")) for number in range(12))
    assert counted == {1: 12}


def test_expiry_of_the_sending_secret_is_reported_by_the_relay(
    installation: Installation, customers: Customers, running_sandbox: Sandbox
) -> None:
    customer = customers.add(days=-1, contacts="relay@x.example")
    customers.bring_into(installation)
    (secret,) = running_sandbox.directory.secrets(customer.client_id)
    running_sandbox.directory.expire_secret(customer.client_id, secret)
    result = relayed(installation, running_sandbox).run("send_reminders", "--json")
    assert (result.code, result.data["sent"]) == (0, 1)
    assert [one["service"] for one in customers.messages("relay@x.example")] == ["relay"]


def test_reminders_need_no_key(installation: Installation, customers: Customers, running_sandbox: Sandbox) -> None:
    customers.add(days=5, contacts="keyless@x.example")
    customers.bring_into(installation)
    (installation.folder / "keys.json").unlink()
    result = relayed(installation, running_sandbox).run("send_reminders", "--json")
    assert (result.code, result.data["sent"]) == (0, 1)
    assert "keys.json is missing" in result.err
    assert [one["service"] for one in customers.messages("keyless@x.example")] == ["relay"]


def test_without_a_route_reminders_wait_and_are_reported(installation: Installation, customers: Customers) -> None:
    customers.add(days=5, contacts="noway@x.example", secret_value="", mailbox="", transport="")
    customers.bring_into(installation)
    result = installation.run("send_reminders", "--json")
    assert (result.code, result.data["ok"], result.data["waiting"], result.data["sent"]) == (1, False, 1, 0)
    assert customers.messages("noway@x.example") == []


def test_secrets_without_recipients_are_counted(installation: Installation, customers: Customers) -> None:
    customers.add(days=5)
    customers.bring_into(installation)
    result = installation.run("send_reminders")
    assert result.code == 1
    assert "secret expires soon and has no recipient: give" in result.out
    customers.all[0].row["contact_emails"] = "late@x.example"
    customers.bring_into(installation)
    assert installation.run("send_reminders", "--json").data["sent"] == 1
    assert len(customers.messages("late@x.example")) == 1


def test_restored_database_is_reviewed_first(installation: Installation, customers: Customers) -> None:
    """More recipients than get a mail twice without a review; the copy was made before they got one."""
    people = [f"again-{number}@x.example" for number in range(21)]
    customer = customers.add(days=400, contacts="; ".join(people))
    customers.bring_into(installation)
    assert installation.run("send_reminders", "--json").data["sent"] == 0
    customer.row["secret_expires_on"] = (datetime.now(UTC) + timedelta(days=20)).isoformat(timespec="seconds")
    with copied(installation) as put_back:
        customers.bring_into(installation)
        first = installation.run("send_reminders", "--json")
        assert (first.data["sent"], first.data["held_for_review"]) == (21, 0)
        installation = put_back()
        customers.bring_into(installation)
        later = installation.run("send_reminders", "--json")
        assert (later.code, later.data["sent"]) == (1, 0)
        assert (later.data["held_for_review"], later.data["waiting"]) == (21, 21)
        assert "21 mails may already have been sent" in installation.run("send_reminders").out
    assert [len(customers.messages(person)) for person in people] == [1] * 21
