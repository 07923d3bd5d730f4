"""From EWS to Microsoft Graph, step by step; what works is not given up for what was never seen to work."""

from __future__ import annotations

import re
import subprocess
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from alertadmin.outbox import worker
from alertadmin.outbox.models import Attempt, Delivery
from alertadmin.registry.consent.required_consents import sync_required_consents
from alertadmin.registry.models import AppRegistration, Mailbox, Tenant
from alertadmin.registry.permissions import Permission, TransportName
from alertadmin.registry.scripts import snippets
from sandbox import Sandbox
from tests.factories import Rows, Site


def by_ews(rows: Rows, sandbox: Sandbox, *granted: Permission) -> Site:
    """A customer whose app wants EWS alone."""
    site = rows.site(sandbox, granted=granted, transport=TransportName.EWS)
    site.app.permissions = [Permission.FULL_ACCESS.value]
    site.app.save()
    sync_required_consents([site.app])
    return site


def page_of(client: Client, site: Site) -> str:
    return client.get(reverse("mailbox-leaving", args=[site.mailbox.pk])).content.decode()


def sent_by_graph(client: Client, site: Site) -> Delivery:
    client.post(reverse("test-send", args=[site.mailbox.pk]), {"recipient": "ada@x.example", "transport": "graph"})
    worker.deliver_due()
    return Delivery.objects.latest("created_at")


def test_from_ews_to_graph_in_four_steps(sandbox: Sandbox, rows: Rows, signed_in: Client) -> None:
    site = by_ews(rows, sandbox, Permission.FULL_ACCESS)
    assert "does not require Mail.Send yet." in page_of(signed_in, site)
    page = signed_in.post(reverse("mailbox-want-graph", args=[site.mailbox.pk]), follow=True).content.decode()
    assert "No token contains Mail.Send yet." in page
    sandbox.directory.grant(site.app.client_id, "Mail.Send")
    signed_in.post(reverse("consent-check", args=[site.app.pk]))
    assert "EWS stays until it is accepted." in page_of(signed_in, site)
    delivery = sent_by_graph(signed_in, site)
    progress = signed_in.get(reverse("test-send-progress", args=[delivery.pk])).content.decode()
    assert reverse("mailbox-to-graph", args=[site.mailbox.pk]) in progress
    assert "A test by Microsoft Graph was accepted." in page_of(signed_in, site)
    page = signed_in.post(reverse("mailbox-to-graph", args=[site.mailbox.pk]), follow=True).content.decode()
    assert "now sends by Microsoft Graph." in page
    assert "Nothing to do." in page
    site.mailbox.refresh_from_db()
    assert site.mailbox.transport == TransportName.GRAPH


def test_without_an_accepted_test_it_stays_with_ews(sandbox: Sandbox, rows: Rows, signed_in: Client) -> None:
    site = by_ews(rows, sandbox, Permission.FULL_ACCESS)
    move = reverse("mailbox-to-graph", args=[site.mailbox.pk])
    assert "The mailbox still sends by EWS." in signed_in.post(move, follow=True).content.decode()
    assert sent_by_graph(signed_in, site).state == "failed"
    assert "The mailbox still sends by EWS." in signed_in.post(move, follow=True).content.decode()
    assert "the last test failed" in page_of(signed_in, site)
    sandbox.directory.grant(site.app.client_id, "Mail.Send")
    delivery = sent_by_graph(signed_in, site)
    Delivery.objects.filter(pk=delivery.pk).update(created_at=timezone.now() - timedelta(days=8))
    assert "The mailbox still sends by EWS." in signed_in.post(move, follow=True).content.decode()
    site.mailbox.refresh_from_db()
    assert site.mailbox.transport == TransportName.EWS


def test_the_list_says_whether_ews_still_lets_each_in(sandbox: Sandbox, rows: Rows, signed_in: Client) -> None:
    let, blocked, untried = (by_ews(rows, sandbox, Permission.FULL_ACCESS) for _number in range(3))
    rows.site(sandbox)  # by Graph: not concerned
    Mailbox.objects.create(tenant=let.tenant, address="p@x.example", transport="ews", server="plant")
    sandbox.directory.set_ews(blocked.tenant.directory_id, False)
    for site in (let, blocked):
        url = reverse("test-send", args=[site.mailbox.pk])
        signed_in.post(url, {"recipient": "ada@x.example", "transport": "ews"})
        worker.deliver_due()
    assert Attempt.objects.count() == 2
    page = signed_in.get(reverse("leaving-ews")).content.decode()
    rows_of = {row.split("</a>")[0].split(">")[-1]: row for row in page.split("<tr>")[2:]}
    assert set(rows_of) == {site.mailbox.address for site in (let, blocked, untried)}
    for site, words in ((let, "still allowed"), (blocked, "disabled"), (untried, "not tried")):
        assert words in rows_of[site.mailbox.address]
    assert "3 mailboxes still send by EWS." in page


def test_who_has_moved_is_led_to_the_mailbox(sandbox: Sandbox, rows: Rows, signed_in: Client) -> None:
    site = rows.site(sandbox)
    answer = signed_in.get(reverse("mailbox-leaving", args=[site.mailbox.pk]))
    assert answer.headers["Location"] == site.mailbox.get_absolute_url()
    assert signed_in.post(reverse("mailbox-to-graph", args=[site.mailbox.pk])).status_code == 404


LITERAL = re.compile("'((?:[^'\u2018\u2019\u201a\u201b]|['\u2018\u2019\u201a\u201b]{2})*)'")
"""PowerShell's single-quoted string; each of the four quotes ends it unless it is doubled."""


@given(st.text())
def test_no_name_escapes_from_a_powershell_string(name: str) -> None:
    match = LITERAL.fullmatch(snippets.powershell_text(name))
    assert match
    assert re.sub("(['\u2018\u2019\u201a\u201b])\\1", r"\1", match[1]) == "".join(
        filter(str.isprintable, " ".join(name.split()))
    )


@pytest.mark.parametrize("name", ["ALERT", "O'Brien's \u2019pump\u2019; Remove-Item *", "$(reboot)"])
def test_scripts_hold_what_they_are_for(name: str) -> None:
    app = AppRegistration(name=name, client_id="11111111-2222-3333-4444-555555555555")
    tenant = Tenant(directory_id="11111111-2222-3333-4444-555555555555")
    scope = snippets.scope_to_mailbox(app, tenant, "o'neil@x.example")
    assert f"-DisplayName {snippets.powershell_text(name)}" in scope
    assert "'PrimarySmtpAddress -eq ''o''''neil@x.example'''" in scope
    assert "'11111111', '22222222'" in snippets.allow_ews(tenant, ["11111111", "22222222"])


def test_the_azure_cli_script_is_good_bash() -> None:
    tenant = Tenant(directory_id="11111111-2222-3333-4444-555555555555")
    app = AppRegistration(name="ALERT", client_id="11111111-2222-3333-4444-555555555555")
    subprocess.run(["bash", "-n"], input=snippets.grant_mail_send(app, tenant), text=True, check=True)
