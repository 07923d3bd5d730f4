"""Whether an app may send as others: said plainly, and proven by a test as another mailbox that must be refused."""

from __future__ import annotations

from datetime import UTC, datetime
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse

from alertadmin.outbox import worker
from alertadmin.outbox.delivery.routing import Router, RouteWalk
from alertadmin.outbox.models import Attempt, Delivery, DeliveryState
from alertadmin.registry.consent.checks import check_consent
from alertadmin.registry.models import Consent
from alertadmin.registry.permissions import Permission, TransportName
from mailer.errors import SendError
from sandbox import Sandbox
from tests.factories import Rows, Site
from tests.outbox.factories import arrived


@pytest.fixture
def other(sandbox: Sandbox, site: Site) -> str:
    """Another mailbox of the same tenant."""
    address = f"chief@{site.tenant.domain}"
    sandbox.directory.add_mailbox(site.tenant.directory_id, address)
    return address


@pytest.fixture
def site(sandbox: Sandbox, rows: Rows) -> Site:
    return rows.site(sandbox)


def scoped(sandbox: Sandbox, site: Site) -> None:
    """Exchange's RBAC gives the app its mailbox alone; the token shows no role."""
    for permission in Permission:
        sandbox.directory.revoke(site.app.client_id, permission)
    sandbox.directory.scope(site.app.client_id, "Mail.Send", [site.mailbox.address])


def send(client: Client, site: Site, as_other: str = "") -> Delivery:
    """Through the page, and then the worker."""
    if as_other:
        answer = client.post(reverse("mailbox-scope", args=[site.mailbox.pk]), {"other": as_other})
    else:
        data = {"recipient": "ada@northpark.example", "transport": site.mailbox.transport}
        answer = client.post(reverse("test-send", args=[site.mailbox.pk]), data)
    assert answer.status_code == 302
    worker.deliver_due()
    return Delivery.objects.order_by("-created_at")[0]


def shown(client: Client, site: Site) -> str:
    return unescape(client.get(site.mailbox.get_absolute_url()).content.decode())


def progress(client: Client, test: Delivery) -> str:
    return unescape(client.get(reverse("test-send-progress", args=[test.pk])).content.decode())


def test_tenant_wide_consent_is_told_plainly_and_the_scope_s_script_is_offered(site: Site, signed_in: Client) -> None:
    check_consent(site.app, site.tenant, now=datetime.now(UTC))
    page = shown(signed_in, site)
    assert "All mailboxes of Northpark Energy: Mail.Send is granted to “ALERT” for the whole tenant." in page
    assert "New-ManagementRoleAssignment" in page
    app = unescape(signed_in.get(site.app.get_absolute_url()).content.decode())
    assert app.count("as all mailboxes there") == 2, "SMTP.SendAsApp reaches those that Exchange names"


def test_without_a_role_in_the_token_a_test_is_proposed(sandbox: Sandbox, site: Site, signed_in: Client) -> None:
    scoped(sandbox, site)
    check_consent(site.app, site.tenant, now=datetime.now(UTC))
    page = shown(signed_in, site)
    assert "Its token contains no permission:" in page
    assert "Anyone with its secret" not in page


def test_an_app_that_may_send_as_all_is_found_out(sandbox: Sandbox, site: Site, signed_in: Client, other: str) -> None:
    test = send(signed_in, site, other)
    assert test.state == DeliveryState.SENT
    assert test.recipient == "ada@northpark.example"
    [entry] = arrived(sandbox, test)
    assert entry["mailbox"] == other
    assert f"The app can also send as {other}" in shown(signed_in, site)
    assert f"The app can also send as {other}" in progress(signed_in, test)
    assert other in test.text


def test_a_scoped_app_is_refused_and_that_is_good(sandbox: Sandbox, site: Site, signed_in: Client, other: str) -> None:
    scoped(sandbox, site)
    assert send(signed_in, site).state == DeliveryState.SENT
    test = send(signed_in, site, other)
    assert (test.state, arrived(sandbox, test)) == (DeliveryState.FAILED, [])
    page = progress(signed_in, test)
    assert "Refused: restricted" in page
    assert "Who must act" not in page
    assert "Refused: restricted" in shown(signed_in, site)


def test_a_refusal_proves_nothing_of_an_app_that_is_let_in_nowhere(
    sandbox: Sandbox, site: Site, signed_in: Client, other: str
) -> None:
    for permission in Permission:
        sandbox.directory.revoke(site.app.client_id, permission)
    send(signed_in, site, other)
    page = shown(signed_in, site)
    assert "Refused: no mailbox is allowed" in page
    assert "Refused: restricted" not in page


def test_nor_of_one_that_is_let_in_elsewhere_alone(sandbox: Sandbox, site: Site, signed_in: Client, other: str) -> None:
    """Its scope holds another mailbox, and not its own."""
    sandbox.directory.add_mailbox(site.tenant.directory_id, f"third@{site.tenant.domain}")
    for permission in Permission:
        sandbox.directory.revoke(site.app.client_id, permission)
    sandbox.directory.scope(site.app.client_id, "Mail.Send", [other])
    assert send(signed_in, site, other).state == DeliveryState.SENT
    send(signed_in, site, f"third@{site.tenant.domain}")
    assert "Refused: no mailbox is allowed" in shown(signed_in, site)


def test_nor_does_a_mailbox_that_is_not_there_or_a_secret_that_is_wrong(
    sandbox: Sandbox, site: Site, signed_in: Client, other: str
) -> None:
    failed = send(signed_in, site, f"unknown@{site.tenant.domain}")
    assert "the test is inconclusive." in shown(signed_in, site)
    page = signed_in.get(reverse("delivery", args=[failed.pk])).content.decode()
    assert f"No mailbox of Exchange Online has the address unknown@{site.tenant.domain}" in page
    site.credential.store("wrong")
    site.credential.save()
    test = send(signed_in, site, other)
    assert "It failed for a reason other than the sender." in shown(signed_in, site)
    assert "Who must act" in progress(signed_in, test)


@pytest.mark.parametrize("transport", [TransportName.EWS, TransportName.SMTP])
def test_it_is_tried_by_the_mailbox_s_own_way(
    sandbox: Sandbox, site: Site, signed_in: Client, other: str, transport: TransportName
) -> None:
    site.mailbox.transport = transport
    site.mailbox.save()
    test = send(signed_in, site, other)
    [entry] = arrived(sandbox, test)
    assert (entry["service"], entry["mailbox"]) == (transport, other)


def test_no_draft_of_it_lies_in_somebody_else_s_mailbox(
    sandbox: Sandbox, site: Site, signed_in: Client, other: str
) -> None:
    sandbox.directory.grant(site.app.client_id, "Mail.ReadWrite")
    before = len(sandbox.ledger.entries())
    send(signed_in, site, other)
    assert "draft" not in {entry["kind"] for entry in sandbox.ledger.entries()[before:]}


def test_what_came_of_it_says_nothing_of_the_mailbox(
    sandbox: Sandbox, site: Site, signed_in: Client, other: str
) -> None:
    """Else a refusal that is wanted would make reminders take another way, and the app look broken."""
    scoped(sandbox, site)
    send(signed_in, site, other)
    assert Attempt.objects.get().mailbox is None
    assert "No test has been sent yet." in signed_in.get(site.app.get_absolute_url()).content.decode()


def test_a_refusal_that_was_wanted_closes_no_way_to_reminders_of_the_same_run(
    sandbox: Sandbox, site: Site, signed_in: Client, other: str
) -> None:
    scoped(sandbox, site)
    signed_in.post(reverse("mailbox-scope", args=[site.mailbox.pk]), {"other": other})
    owed = Delivery.objects.create(purpose="house", dedupe_key="x", recipient="ada@northpark.example")
    chain = Router.for_reminders(datetime.now(UTC))
    [refused] = chain.routes_for(Delivery.objects.get(purpose="test"))
    chain.record_failure(refused, SendError("role_missing", "403"))
    assert [way.mailbox for way in chain.next_routes(owed, RouteWalk(), lambda: datetime.now(UTC))] == [site.mailbox]


@pytest.mark.parametrize("wrong", ["", "unknown", "ITSELF"])
def test_a_wrong_address_is_explained(site: Site, signed_in: Client, wrong: str) -> None:
    other = site.mailbox.address.upper() if wrong == "ITSELF" else wrong
    answer = signed_in.post(reverse("mailbox-scope", args=[site.mailbox.pk]), {"other": other})
    assert answer.status_code == 422
    assert not Delivery.objects.exists()


def test_only_smtp_s_permission_reaches_no_other_mailbox() -> None:
    reaches = {p: Consent(permission=p, status="granted").reaches_every_mailbox for p in Permission}
    assert reaches == {"Mail.Send": True, "full_access_as_app": True, "SMTP.SendAsApp": False}
    assert not Consent(permission="Mail.Send", status="not_in_token").reaches_every_mailbox
