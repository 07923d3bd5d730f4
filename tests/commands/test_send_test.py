"""`send_test`: one message by one mailbox or channel, its steps, and the diagnosis of an error."""

from __future__ import annotations

import pytest

from tests.commands.installation import Installation
from tests.commands.seed import Customers
from tests.mailer.https_server import reply
from tests.outbox.channels.http_server import HttpServer


@pytest.mark.postgresql
@pytest.mark.parametrize("transport", ["graph", "ews", "smtp"])
def test_message_is_sent_and_its_steps_are_printed(
    installation: Installation, customers: Customers, transport: str
) -> None:
    customer = customers.add(transport=transport)
    customers.bring_into(installation)
    result = installation.run("send_test", customer.address.upper(), "--to", f"{transport}@x.example", "--json")
    assert (result.code, result.err) == (0, "")
    told = result.data
    assert (told["ok"], told["outcome"], told["cause"], told["diagnosis"]) == (True, "sent", None, None)
    assert (told["mailbox"], told["to"], told["transport"]) == (customer.address, f"{transport}@x.example", transport)
    assert [step["step"] for step in told["steps"]] == ["tenant", "token", "permission", "message"]
    assert all(isinstance(step["ms"], int) for step in told["steps"])
    (message,) = customers.messages(f"{transport}@x.example")
    assert (message["service"], message["message_id"]) == (transport, told["message_id"])
    assert customer.secret not in result.out


def test_error_is_diagnosed_for_the_app(installation: Installation, customers: Customers) -> None:
    customer = customers.add(secret_value="not-the-value-of-any-secret-there-is")
    customers.bring_into(installation)
    result = installation.run("send_test", customer.address, "--to", "me@x.example", "--json")
    assert (result.code, result.data["outcome"], result.data["cause"]) == (1, "failed", "secret_wrong")
    assert result.data["diagnosis"]["cause"] == "secret_wrong"
    assert customer.client_id in "".join(link["url"] for link in result.data["diagnosis"]["links"])
    assert "AADSTS7000215" in result.data["technical"]
    for_people = installation.run("send_test", customer.address, "--to", "me@x.example")
    assert for_people.code == 1
    assert "  1. " in for_people.out
    assert "not-the-value" not in result.out + for_people.out + for_people.err


@pytest.mark.postgresql
def test_mailbox_is_chosen_by_transport_or_app(installation: Installation, customers: Customers) -> None:
    first = customers.add(app_name="A first")
    second = customers.add(app_name="B second", transport="ews")
    # The second app sends for the first one's mailbox too, in the first one's tenant.
    other = customers.sandbox.directory.add_app(first.directory_id, "B second")
    customers.sandbox.directory.grant(other, "full_access_as_app")
    second.row |= {
        "tenant_name": "",
        "directory_id": first.directory_id,
        "client_id": other.client_id,
        "mailbox": first.address,
        "secret_value": str(customers.sandbox.directory.add_secret(other).value),
    }
    customers.bring_into(installation)

    def sent(*options: str) -> tuple[str, str]:
        told = installation.run("send_test", first.address, "--to", "me@x.example", "--json", *options).data
        assert told["ok"], told
        return told["through"], told["transport"]

    assert sent() == ("A first", "graph")
    assert sent("--transport", "ews") == ("B second", "ews")
    assert sent("--app", other.client_id) == ("B second", "ews")


def added(installation: Installation, name: str, address: str) -> str:
    """Create a channel as its page does, and return its id."""
    code = (
        "from alertadmin.outbox.models import Channel; "
        f"channel = Channel(name={name!r}, service='webhook', label='Webhook', hint='localhost'); "
        f"channel.address = {address!r}; channel.save(); print(channel.pk)"
    )
    return installation.run("shell", "-v0", "-c", code).out.strip()


def test_channel_is_found_by_name_or_id(installation: Installation, customers: Customers) -> None:
    with HttpServer() as receiver:
        receiver.routes[""] = reply(200, "ok")
        allowing = installation.but(ALERTADMIN_INSIDE_TARGETS="127.0.0.0/8")
        key = added(allowing, "Duty room", f"{receiver.url}/token-5f1b2c3d")
        for name in ("duty ROOM", key):
            result = allowing.run("send_test", "--channel", name, "--json")
            assert (result.code, result.err) == (0, "")
            assert (result.data["channel"], result.data["outcome"], result.data["cause"]) == ("Duty room", "sent", None)
            assert [step["step"] for step in result.data["steps"]] == ["address", "message"]
        assert len(receiver.requests) == 2
        receiver.routes[""] = reply(404)
        result = allowing.run("send_test", "--channel", key, "--json")
        assert (result.code, result.data["outcome"], result.data["technical"]) == (1, "failed", "HTTP 404")
        assert "token-5f1b2c3d" not in result.out + result.err
        added(allowing, "Duty room", receiver.url)
        assert key in allowing.run("send_test", "--channel", "Duty room").sentence
    assert "No channel unknown" in installation.run("send_test", "--channel", "unknown").sentence
    assert "cannot be combined" in installation.run("send_test", "a@x.example", "--channel", "unknown").err


def test_unknown_names_are_refused_and_nothing_is_stored(installation: Installation, customers: Customers) -> None:
    customer = customers.add()
    customers.bring_into(installation)
    for arguments, said in [
        (["unknown@x.example", "--to", "me@x.example"], "No mailbox unknown@x.example is registered"),
        ([customer.address, "--to", "me"], "“me”: This is not an e-mail address"),
        ([customer.address, "--to", "me@x.example", "--app", "ALERT"], "This is not an ID:"),
        ([customer.address, "--to", "me@x.example", "--app", customer.directory_id], "No mailbox"),
    ]:
        assert said in installation.run("send_test", *arguments).sentence
    assert installation.run("send_reminders", "--json").data["sent"] == 0


def test_unknown_cloud_is_reported(installation: Installation, customers: Customers) -> None:
    customer = customers.add()
    customers.bring_into(installation)
    without = installation.but(ALERTADMIN_CLOUDS_FILE="")
    result = without.run("send_test", customer.address, "--to", "me@x.example", "--json")
    assert (result.code, result.data["outcome"]) == (1, "failed")
    assert "ALERTADMIN_CLOUDS_FILE" in result.data["technical"]
    assert result.data["diagnosis"]["cause"] == "other"
