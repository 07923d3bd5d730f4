"""The way to Microsoft's consent page and back: what comes back is a hint, which only a fresh token proves."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

import pytest
import requests
import time_machine
from django.test import Client
from django.urls import reverse

from alertadmin.accounts.models import User
from alertadmin.dashboard.consents.callback import MOST_REFUSED
from alertadmin.dashboard.consents.request_views import callback_url
from alertadmin.registry.consent.required_consents import sync_required_consents
from alertadmin.registry.models import Consent, ConsentCallback
from sandbox import Sandbox
from tests.factories import Rows, Site


@dataclass
class Asked:
    """An app that wants Mail.Send and has no consent; its redirect URI is ours."""

    site: Site
    consent: Consent
    sandbox: Sandbox

    def link(self, client: Client) -> str:
        page = client.get(reverse("consent-ask", args=[self.consent.pk])).content.decode()
        [link] = re.findall(r'href="(https://localhost[^"]+adminconsent[^"]+)"', page)
        return unescape(link)

    def state(self, client: Client) -> str:
        return parse_qs(urlsplit(self.link(client)).query)["state"][0]

    def decide(self, link: str, decision: str = "accept") -> str:
        """The administrator's click at Microsoft; where it leads the browser to."""
        ca = str(self.sandbox.clouds_file.parent / "ca.pem")
        answer = requests.post(link, {"decision": decision}, verify=ca, allow_redirects=False, timeout=10)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def status(self) -> str:
        self.consent.refresh_from_db()
        return self.consent.status


@pytest.fixture
def asked(sandbox: Sandbox, rows: Rows) -> Asked:
    site = rows.site(sandbox, granted=())
    site.app.permissions = ["Mail.Send"]
    site.app.redirect_uri = callback_url()
    site.app.save()
    sync_required_consents([site.app])
    return Asked(site, Consent.objects.get(permission="Mail.Send"), sandbox)


def outcomes() -> list[str]:
    return list(ConsentCallback.objects.order_by("at", "id").values_list("outcome", flat=True))


def come_back(client: Client, url: str) -> str:
    return client.get(url, follow=True).content.decode()


def test_who_grants_it_is_led_back_and_a_fresh_token_proves_it(asked: Asked, signed_in: Client) -> None:
    link = asked.link(signed_in)
    query = parse_qs(urlsplit(link).query)
    assert urlsplit(link).path == f"/{asked.site.tenant.directory_id}/v2.0/adminconsent"
    assert query["scope"] == ["https://graph.microsoft.com/.default"]
    assert query["redirect_uri"] == [callback_url()]
    assert "Granted: a new token contains all required permissions." in come_back(signed_in, asked.decide(link))
    assert asked.status() == "granted"
    assert outcomes() == ["taken"]


@pytest.mark.control(42)
def test_declining_changes_nothing_though_microsoft_says_true(asked: Asked, signed_in: Client) -> None:
    url = asked.decide(asked.link(signed_in), "cancel")
    assert "admin_consent=True" in url
    assert "access_denied" in come_back(signed_in, url)
    assert asked.status() == "unknown"
    assert outcomes() == ["declined"]


@pytest.mark.control(42)
def test_a_return_alone_grants_nothing(asked: Asked, signed_in: Client) -> None:
    """Microsoft's page was never seen: the address was made by hand, around a good state."""
    answer = {"admin_consent": "True", "tenant": asked.site.tenant.directory_id, "state": asked.state(signed_in)}
    page = come_back(signed_in, f"{reverse('consent-return')}?{urlencode(answer)}")
    assert "a new token does not contain all permissions yet." in page
    assert asked.status() == "not_in_token"


@pytest.mark.control(39)
@pytest.mark.parametrize("state", ["", "x", "a:b:c", "\0", "é" * 5000])
def test_a_forged_state_changes_nothing_and_is_on_the_record(asked: Asked, signed_in: Client, state: str) -> None:
    answer = {"admin_consent": "True", "tenant": asked.site.tenant.directory_id, "state": state}
    assert "Nothing was changed" in come_back(signed_in, f"{reverse('consent-return')}?{urlencode(answer)}")
    assert asked.status() == "unknown"
    assert outcomes() == ["forged"]


def test_who_was_sent_the_link_and_has_no_account_here_is_thanked(asked: Asked, signed_in: Client) -> None:
    page = signed_in.get(reverse("consent-ask", args=[asked.consent.pk])).content.decode()
    links = {unescape(one) for one in re.findall(r"https://localhost[^\"<\s]+adminconsent[^\"<\s]+", page)}
    [for_others] = [link for link in links if "state=" not in link]
    assert "Thank you" in come_back(Client(), asked.decide(for_others))
    assert asked.status() == "unknown"
    assert outcomes() == []


def test_who_declined_and_has_no_account_here_is_told_so(asked: Asked, client: Client) -> None:
    answer = client.get(reverse("consent-return"), {"error": "access_denied", "error_description": "AADSTS65004"})
    assert answer.status_code == 200
    assert "Consent was not granted" in answer.content.decode()
    assert (asked.status(), outcomes()) == ("unknown", [])


def test_before_there_is_a_secret_nothing_is_asked_and_no_error_is_noted(asked: Asked, signed_in: Client) -> None:
    link = asked.link(signed_in)
    asked.site.credential.delete()
    page = come_back(signed_in, asked.decide(link))
    assert "A token confirms it when the app has a secret or a" in page
    assert "a new token does not contain all permissions yet." not in page
    assert (asked.status(), outcomes()) == ("unknown", ["taken"])


@pytest.mark.control(39)
def test_a_state_is_good_once(asked: Asked, signed_in: Client) -> None:
    url = asked.decide(asked.link(signed_in))
    come_back(signed_in, url)
    Consent.objects.update(status="unknown")
    assert "This address has already been opened;" in come_back(signed_in, url)
    assert asked.status() == "unknown"
    assert outcomes() == ["taken", "replayed"]


@pytest.mark.control(39)
def test_a_state_is_good_for_ten_minutes(asked: Asked, signed_in: Client) -> None:
    begun = datetime.now(UTC)
    url = asked.decide(asked.link(signed_in))
    with time_machine.travel(begun + timedelta(minutes=10, seconds=5), tick=False):
        assert "More than ten minutes passed" in come_back(signed_in, url)
    assert asked.status() == "unknown"
    assert outcomes() == ["expired"]


@pytest.mark.control(39)
def test_another_person_cannot_use_it(asked: Asked, signed_in: Client, client: Client) -> None:
    url = asked.decide(asked.link(signed_in))
    other = Client()
    other.force_login(User.objects.create_superuser("eve@x.example", "another long password"))
    for stranger in (other, Client()):
        assert "Thank you" in come_back(stranger, url)
        assert asked.status() == "unknown"
    assert outcomes() == ["foreign", "foreign"]
    come_back(signed_in, url)
    assert asked.status() == "granted"


@pytest.mark.control(39)
def test_nor_can_the_same_person_in_another_browser(asked: Asked, signed_in: Client, administrator: User) -> None:
    url = asked.decide(asked.link(signed_in))
    elsewhere = Client()
    elsewhere.force_login(administrator)
    assert "Thank you" in come_back(elsewhere, url)
    assert asked.status() == "unknown"


@pytest.mark.control(40)
def test_consent_of_another_directory_is_not_taken_for_this_one(asked: Asked, signed_in: Client) -> None:
    answer = {"admin_consent": "True", "tenant": str(uuid4()), "state": asked.state(signed_in)}
    url = f"{reverse('consent-return')}?{urlencode(answer)}"
    assert "for a directory other than the requested one" in come_back(signed_in, url)
    assert asked.status() == "unknown"
    assert "already been opened" in come_back(signed_in, url.replace(answer["tenant"], asked.site.tenant.directory_id))
    assert outcomes() == ["mixed_up", "replayed"]


@pytest.mark.control(41)
@pytest.mark.parametrize(
    "target", ["//evil.example", "https:evil.example", "\\\\evil.example", "/%0d%0aX: y", "a@evil.example"]
)
def test_nothing_that_comes_back_decides_where_it_leads(asked: Asked, signed_in: Client, target: str) -> None:
    names = ("next", "redirect_uri", "error", "error_uri", "error_description", "scope", "state", "tenant")
    for good in (False, True):
        answer = dict.fromkeys(names, target)
        if good:
            answer |= {"state": asked.state(signed_in)}
        response = signed_in.get(f"{reverse('consent-return')}?{urlencode(answer)}")
        assert response.headers.get("Location", "/").startswith("/")
        assert not response.headers.get("Location", "").startswith("//")


def test_whoever_floods_the_address_fills_no_disk(asked: Asked, signed_in: Client) -> None:
    ConsentCallback.objects.bulk_create(
        ConsentCallback(outcome="forged", at=asked.site.credential.expires_at) for _number in range(MOST_REFUSED)
    )
    signed_in.get(reverse("consent-return"), {"state": "x"})
    assert ConsentCallback.objects.count() == MOST_REFUSED


def test_the_link_for_somebody_else_carries_no_state(asked: Asked, signed_in: Client) -> None:
    page = unescape(signed_in.get(reverse("consent-ask", args=[asked.consent.pk])).content.decode())
    assert page.count("adminconsent?") == page.count("&state=") + 2
    assert "Send this to the tenant's administrator:" in page


def test_with_the_redirect_uri_of_desktop_software_nobody_is_led_back(rows: Rows, signed_in: Client) -> None:
    app = rows.app()
    sync_required_consents([app])
    page = signed_in.get(reverse("consent-ask", args=[Consent.objects.get().pk])).content.decode()
    assert "The redirect URI opens an empty page:" in page
    assert "state=" not in page
    assert callback_url() in page
