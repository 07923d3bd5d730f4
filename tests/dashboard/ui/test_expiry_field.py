"""Dates in forms: shown back in words, chosen between where two are possible, questioned where improbable."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from alertadmin.dashboard.credentials.forms import CredentialForm, SecretForm
from alertadmin.dashboard.ui.expiry_field import format_time, read_date
from alertadmin.registry.models import AppRegistration, Credential
from tests.factories import Rows

PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
SECRET = "~xO8Q~canary3LmN0pQrStUvWxYz1234567890ab"


@pytest.fixture
def app(rows: Rows) -> AppRegistration:
    return rows.app(rows.tenant("Northpark", time_zone="Europe/Paris"))


def soon() -> datetime:
    return datetime.now(UTC).replace(hour=10, minute=30, second=0, microsecond=0) + timedelta(days=300)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("31/12/2027 23:59", "31 December 2027, 23:59, Europe/Paris (in 395 days)"),
        ("2027-12-31T22:59:00Z", "31 December 2027, 23:59, Europe/Paris (in 395 days)"),
        ("31 déc. 2027", "31 December 2027, 00:00, Europe/Paris (in 394 days)"),
        ("2026-12-03", "3 December 2026, 00:00, Europe/Paris (in 1 day)"),
        ("2026-12-01 14:00", "1 December 2026, 14:00, Europe/Paris (in 1 hour)"),
        ("2026-11-20", "20 November 2026, 00:00, Europe/Paris (11 days ago)"),
    ],
)
def test_a_date_in_words(text: str, words: str) -> None:
    assert read_date(text, PARIS, NOW).words == words


def test_a_date_in_french_words() -> None:
    with translation.override("fr"):
        words = format_time(datetime(2027, 12, 31, 22, 59, tzinfo=UTC), PARIS, NOW)
    assert words == "31 décembre 2027, 23:59, Europe/Paris (dans 395 jours)"


@pytest.mark.parametrize(
    ("text", "question"),
    [("2026-11-30", "has passed"), ("2072-12-31", "24 months"), ("2028-12-31", "24 months"), ("2028-11-30", "")],
)
def test_an_improbable_date_is_questioned(text: str, question: str) -> None:
    reading = read_date(text, PARIS, NOW)
    assert reading.words
    assert question in reading.question
    assert bool(question) == bool(reading.question)
    assert read_date(text, PARIS, NOW, is_expiry=False).question == ""


@pytest.mark.parametrize("text", ["9999-12-31", "12/31/9999 11:59:59 PM", "1999-12-31", "soon", SECRET])
def test_no_date_is_refused_without_repeating_it(text: str) -> None:
    reading = read_date(text, PARIS, NOW)
    assert reading.error
    assert text not in reading.error
    assert not reading.words


def test_of_two_dates_the_user_chooses_one() -> None:
    asked = SecretForm({"value": SECRET, "expires_at": "03/04/2027 10:00"}, zone=PARIS)
    assert asked.errors["expires_at"] == ["This can be two dates. Choose one of them."]
    reading = asked["expires_at"].reading  # type: ignore[attr-defined]
    assert reading.choices == (
        ("2027-04-03T10:00:00", "3 April 2027, 10:00"),
        ("2027-03-04T10:00:00", "4 March 2027, 10:00"),
    )
    for value, _words in reading.choices:
        chosen = {"value": SECRET, "expires_at": "03/04/2027 10:00", "expires_at_choice": value}
        form = SecretForm({**chosen, "far_end_is_right": "on"}, zone=PARIS)
        assert form.is_valid(), form.errors
        assert form.cleaned_data["expires_at"] == datetime.fromisoformat(value).replace(tzinfo=PARIS)


def test_a_choice_counts_for_the_text_it_was_made_for_only() -> None:
    typed = {"value": SECRET, "expires_at": "05/06/2027", "expires_at_choice": "2027-04-03", "far_end_is_right": "on"}
    assert "expires_at" in SecretForm(typed, zone=PARIS).errors
    typed["expires_at"] = "2027-12-31"
    form = SecretForm(typed, zone=PARIS)
    assert form.is_valid()
    assert form.cleaned_data["expires_at"] == datetime(2027, 12, 31, tzinfo=PARIS)


def test_the_page_asks_and_keeps_the_rest(signed_in: Client, app: AppRegistration) -> None:
    year = soon().year
    typed = {"value": SECRET, "description": "relay", "starts_at": "", "expires_at": f"03/04/{year}"}
    page = signed_in.post(reverse("credential-add", args=[app.pk]), typed).content.decode()
    values = re.findall(r'name="expires_at_choice"\s+value="([^"]+)"', page)
    assert values == [f"{year}-04-03", f"{year}-03-04"]
    assert f'value="03/04/{year}"' in page
    assert 'value="relay"' in page
    assert "canary" not in page
    typed |= {"expires_at_choice": values[0], "far_end_is_right": "on"}
    signed_in.post(reverse("credential-add", args=[app.pk]), typed)
    assert Credential.objects.get().expires_at == datetime.fromisoformat(values[0]).replace(tzinfo=app.tenant.zone)


def test_a_typed_date_is_read_back_while_it_is_typed(signed_in: Client) -> None:
    def read(**posted: str) -> str:
        return signed_in.post(reverse("read-date"), posted).content.decode()

    end = soon()
    page = read(field="secret-expires_at", zone="Europe/Paris", **{"secret-expires_at": f"{end:%d.%m.%Y}"})
    assert re.search(rf"{end.day} {end:%B %Y}, 00:00, Europe/Paris \(in 29[89] days\)", page)
    zone = {"zone": "UTC", "zone_from": "tenant-time_zone", "tenant-time_zone": "Romance Standard Time"}
    assert "Europe/Paris" in read(field="expires_at", expires_at=f"{end:%Y-%m-%d}", **zone)
    asked = read(field="secret-expires_at", **{"secret-expires_at": "03/04/2027"})
    assert asked.count('name="secret-expires_at_choice"') == 2
    assert "is not a date" in read(field="expires_at", expires_at=SECRET)
    assert "canary" not in read(field="expires_at", expires_at=SECRET)
    assert "has passed" in read(field="expires_at", expires_at="2020-01-01")
    assert "has passed" not in read(field="starts_at", starts_at="2020-01-01", kind="start")
    assert read(field="expires_at", expires_at=" ").strip() == ""
    assert read(field="<script>", **{"<script>": "2027-12-31"}).strip() == ""
    assert read().strip() == ""


@pytest.mark.parametrize("name", ["credential-add", "guide", "register"])
def test_every_form_has_a_date_picker(signed_in: Client, app: AppRegistration, name: str) -> None:
    if name == "guide":
        form = str(SecretForm(zone=PARIS)["expires_at"])
        assert "hx-post" in form
        return
    url = reverse(name, args=[app.pk] if name == "credential-add" else [])
    page = signed_in.get(url).content.decode()
    assert page.count('type="date"') == 2
    assert page.count("data-fills=") == 2
    sent = re.findall(r'hx-params="([^"]+)"', page)
    assert len(sent) == 2
    assert not any("value" in names for names in sent)


def test_an_unchanged_date_keeps_its_seconds(signed_in: Client, rows: Rows, app: AppRegistration) -> None:
    end = datetime(2020, 5, 17, 11, 22, 33, 444000, tzinfo=UTC)
    stored = rows.credential(app, expires_at=end)
    shown = CredentialForm(credential=stored).initial
    typed = {name: str(shown.get(name, "")) for name in ("starts_at", "expires_at")}
    response = signed_in.post(reverse("credential-edit", args=[stored.pk]), {**typed, "description": "new"})
    assert response.status_code == 302
    stored.refresh_from_db()
    assert (stored.expires_at, stored.description, stored.end_moves) == (end, "new", 0)
