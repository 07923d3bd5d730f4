"""A tenant's administrator is asked by mail: once, for all that lacks, in their language; and what came of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alertadmin.accounts.models import User
from alertadmin.outbox import worker
from alertadmin.outbox.mails import composers, consent_request
from alertadmin.outbox.models import Channel, ConsentRequest, Delivery, DeliveryState
from alertadmin.registry.consent.checks import check_consent
from alertadmin.registry.consent.required_consents import sync_required_consents
from alertadmin.registry.models import Consent, ConsentChange, Contact, Mailbox
from sandbox import Sandbox
from tests.factories import Rows, Site
from tests.outbox.factories import arrived
from tests.outbox.fake_clock import Time

GRANTOR = "admin@harbour.example"


@pytest.fixture
def lacking(rows: Rows) -> Consent:
    """An app that wants what none has granted, of two resources; its tenant has one contact."""
    app = rows.app(rows.tenant(contacts=[GRANTOR]), permissions=["Mail.Send", "full_access_as_app", "SMTP.SendAsApp"])
    sync_required_consents([app])
    return Consent.objects.get(permission="Mail.Send")


def ask(client: Client, consent: Consent, recipient: str = GRANTOR) -> str:
    answer = client.post(reverse("consent-request", args=[consent.pk]), {"recipient": recipient}, follow=True)
    return unescape(answer.content.decode())


def worded(now: datetime) -> composers.Content | composers.Obsolete | composers.Deferred:
    return composers.compose(Delivery.objects.get(), now)


def test_the_page_offers_the_tenant_s_contacts(lacking: Consent, signed_in: Client) -> None:
    url = reverse("consent-ask", args=[lacking.pk])
    assert f'value="{GRANTOR}"' in signed_in.get(url).content.decode()
    Contact.objects.create(tenant=lacking.tenant, email="second@harbour.example")
    page = signed_in.get(url).content.decode()
    assert re.findall(r'<option value="([^"]+)"', page) == [GRANTOR, "second@harbour.example"]


def test_one_mail_asks_for_all_that_lacks_with_one_link_for_each_resource(
    lacking: Consent, signed_in: Client, now: datetime
) -> None:
    Consent.objects.filter(permission="SMTP.SendAsApp").update(status="granted")
    assert "is being sent." in ask(signed_in, lacking)
    mail = worded(now)
    assert isinstance(mail, composers.Content)
    assert mail.subject == "Please grant “ALERT” its permissions in Northpark Energy"
    for text in (mail.text, unescape(mail.html)):
        assert "“Ada” asks for this" in text
        assert "Mail.Send" in text
        assert "full_access_as_app" in text
        assert "SMTP.SendAsApp" not in text
        links = set(re.findall(r'https://login[^\s"]+adminconsent[^\s"]+', text))
        assert {re.search(r"scope=([^&]+)", link).group(1) for link in links} == {  # type: ignore[union-attr]
            "https%3A%2F%2Fgraph.microsoft.com%2F.default",
            "https%3A%2F%2Foutlook.office365.com%2F.default",
        }
        assert not any("state=" in link for link in links)


@pytest.mark.parametrize(("tenant", "person", "said"), [("fr", "", "Merci"), ("fr", "en", "Please"), ("", "", "Pl")])
def test_it_is_in_the_language_of_whoever_is_asked(
    lacking: Consent, signed_in: Client, now: datetime, tenant: str, person: str, said: str
) -> None:
    lacking.tenant.language = tenant
    lacking.tenant.save()
    if person:
        User.objects.create(email=GRANTOR, language=person)
    ask(signed_in, lacking, GRANTOR.upper())
    mail = worded(now)
    assert isinstance(mail, composers.Content)
    assert mail.subject.startswith(said)


def test_a_double_click_sends_one(lacking: Consent, signed_in: Client) -> None:
    ask(signed_in, lacking)
    assert "has already been asked." in ask(signed_in, lacking)
    assert Delivery.objects.count() == ConsentRequest.objects.count() == 1


def test_of_two_clicks_at_the_same_moment_one_wins(
    lacking: Consent, administrator: User, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second has looked before the first wrote."""
    consent_request.request_consent(lacking.app, lacking.tenant, GRANTOR, by=administrator, now=now)
    monkeypatch.setattr(ConsentRequest.objects, "filter", lambda **_where: ConsentRequest.objects.none())
    with pytest.raises(consent_request.AlreadyRequested):
        consent_request.request_consent(
            lacking.app, lacking.tenant, GRANTOR, by=administrator, now=now + timedelta(seconds=1)
        )
    assert Delivery.objects.count() == 1


def test_the_same_person_is_asked_again_after_some_days_and_another_at_once(
    lacking: Consent, signed_in: Client
) -> None:
    begun = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
    with time_machine.travel(begun, tick=False) as time:
        signed_in.force_login(User.objects.get())
        ask(signed_in, lacking)
        assert "is being sent." in ask(signed_in, lacking, "other@harbour.example")
        time.shift(consent_request.MIN_INTERVAL - timedelta(seconds=1))
        signed_in.force_login(User.objects.get())
        assert "has already been asked." in ask(signed_in, lacking, GRANTOR.title())
        time.shift(timedelta(seconds=1))
        assert "is being sent." in ask(signed_in, lacking, GRANTOR.title())
    assert ConsentRequest.objects.count() == 3


def test_whom_no_mail_reached_may_be_asked_again_at_once(lacking: Consent, signed_in: Client) -> None:
    ask(signed_in, lacking)
    Delivery.objects.update(state=DeliveryState.FAILED)
    assert "is being sent." in ask(signed_in, lacking)


@pytest.mark.parametrize("recipient", ["", "unknown", "a@x.example\r\nBcc: b@x.example", "a@x.example, b@x.example"])
def test_an_address_that_is_none_is_refused(lacking: Consent, signed_in: Client, recipient: str) -> None:
    answer = signed_in.post(reverse("consent-request", args=[lacking.pk]), {"recipient": recipient})
    assert answer.status_code == 422
    assert not Delivery.objects.exists()


def test_where_all_is_granted_nobody_is_asked(lacking: Consent, signed_in: Client) -> None:
    Consent.objects.update(status="granted")
    assert "Send the mail" not in signed_in.get(reverse("consent-ask", args=[lacking.pk])).content.decode()
    assert "there is nothing to ask for" in ask(signed_in, lacking)
    assert not Delivery.objects.exists()


def test_what_was_granted_before_it_left_is_not_asked_for(lacking: Consent, signed_in: Client, now: datetime) -> None:
    ask(signed_in, lacking)
    Consent.objects.filter(permission="Mail.Send").update(status="granted")
    mail = worded(now)
    assert isinstance(mail, composers.Content)
    assert "Mail.Send" not in mail.text
    Consent.objects.update(status="granted")
    assert isinstance(worded(now), composers.Obsolete)


def test_it_goes_to_that_person_alone_and_never_by_a_channel_of_last_resort(
    lacking: Consent, signed_in: Client, now: datetime
) -> None:
    channel = Channel(name="ops", service="webhook", label="Webhook", hint="hooks.example", is_last_resort=True)
    channel.address = "https://hooks.example/token"
    channel.save()
    ask(signed_in, lacking)
    Delivery.objects.update(not_before=now)
    worker.deliver_due(clock=Time(now))
    sent = Delivery.objects.get()
    assert (sent.state, sent.attempts.count()) == (DeliveryState.PENDING, 0)


def test_from_the_click_to_the_grant(sandbox: Sandbox, rows: Rows, signed_in: Client) -> None:
    """The mail leaves by the installation's mailbox; what is granted closes the request, and later doubt opens none."""
    sender, site = rows.site(sandbox), rows.site(sandbox, name="Harbour", granted=())
    Mailbox.objects.filter(pk=sender.mailbox.pk).update(sends_reminders=True)
    site.app.permissions = ["Mail.Send"]
    site.app.save()
    site.mailbox.delete()
    sync_required_consents([site.app])
    consent = Consent.objects.get(tenant=site.tenant)
    ask(signed_in, consent)
    worker.deliver_due()
    sent = Delivery.objects.get()
    assert len(arrived(sandbox, sent)) == 1
    assert sent.attempts.get().mailbox == sender.mailbox
    page = shown(signed_in, consent)
    assert "Open: not granted yet" in page
    assert "Sent" in page
    assert GRANTOR in page
    sandbox.directory.grant(site.app.client_id, "Mail.Send")
    checked(site)
    assert "Closed: granted" in shown(signed_in, consent)
    sandbox.directory.revoke(site.app.client_id, "Mail.Send")
    checked(site)
    assert "Closed: granted" in shown(signed_in, consent)


def test_a_grant_from_before_it_was_asked_for_closes_nothing(
    lacking: Consent, administrator: User, now: datetime
) -> None:
    ConsentChange.objects.create(
        consent=lacking, app=lacking.app, tenant=lacking.tenant, permission="Mail.Send", after="granted", at=now
    )
    request = ConsentRequest(app=lacking.app, tenant=lacking.tenant, permissions=["Mail.Send"])
    request.at = now
    assert request.granted_at() == now
    request.at = now + timedelta(seconds=1)
    assert request.granted_at() is None


def checked(site: Site) -> None:
    check_consent(site.app, site.tenant, now=datetime.now(UTC))


def shown(client: Client, consent: Consent) -> str:
    return client.get(reverse("consent-ask", args=[consent.pk])).content.decode()


SINCE = re.compile(r"requested (?:today|yesterday|\d+ days? ago)")


def test_the_lists_say_since_when_somebody_is_asked_in_vain(lacking: Consent, signed_in: Client, rows: Rows) -> None:
    listed = reverse("consents")
    lists = (listed, f"{listed}?rows=permission", reverse("app-consents", args=[lacking.app_id]))
    other = rows.app(lacking.tenant, "Other", permissions=["Mail.Send"])
    sync_required_consents([other])
    for url in lists:
        assert not SINCE.search(signed_in.get(url).content.decode())
    ask(signed_in, lacking)
    ConsentRequest.objects.update(at=timezone.now() - timedelta(days=5, hours=1))
    assert [signed_in.get(url).content.decode().count("requested 5 days ago") for url in lists] == [1, 3, 1]
    Consent.objects.filter(app=lacking.app).update(status="granted")
    for url in lists:
        assert not SINCE.search(signed_in.get(url).content.decode())
