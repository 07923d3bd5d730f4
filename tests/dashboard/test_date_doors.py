"""Every place that takes an expiry date reads the same texts, and shows in words what it read before it is saved."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse

from alertadmin.accounts.models import User
from alertadmin.dashboard.credentials.forms import SecretForm
from alertadmin.registry.csv_import import ImportOptions, import_registrations
from alertadmin.registry.models import AppRegistration, Credential, SetupProgress
from tests.dashboard.test_csv_import import bring
from tests.dashboard.test_pages import registration
from tests.factories import Rows

PARIS = ZoneInfo("Europe/Paris")
SECRET = "~xO8Q~canary3LmN0pQrStUvWxYz1234567890ab"
LATER = {"starts_at": f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}"}
"""So that the new secret is not verified at once."""
END = (datetime.now(UTC) + timedelta(days=300)).replace(day=28, hour=0, minute=0, second=0, microsecond=0)
MONTHS = ["janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."]
SHAPES: dict[str, str] = {
    "of the portal in France": f"{END:%d/%m/%Y}",
    "of the portal in the United States": f"{END:%m/%d/%Y} 12:00:00 AM",
    "of the portal in Germany": f"{END:%d.%m.%Y}",
    "of Excel in Japan": f"{END:%Y/%m/%d}",
    "French words": f"{END.day} {MONTHS[END.month - 1]} {END.year}",
    "English words": f"{END:%b %d, %Y}",
    "a serial of Excel": str((END - datetime(1899, 12, 30, tzinfo=UTC)).days),
    "round trip of .NET": f"{END:%Y-%m-%d}T00:00:00.0000000",
    "with direction marks": f"\u200e{END:%d}\u200e/\u200e{END:%m}\u200e/\u200e{END:%Y}",
    "with the day's name": f"{END:%A, %d %B %Y}",
    "compact": f"{END:%Y%m%d}",
    "ISO": f"{END:%Y-%m-%d}",
}
"""Texts that mean one day. Layouts: .NET's standard formats, Windows' regional settings, Excel."""
PLAIN = {"ISO"}
Fill = dict[str, str]
Door = Callable[[Rows, User, str], tuple[str, str, Fill]]
"""Prepares rows; returns the address of the form, the date's field, and the form's other values."""


def add(rows: Rows, _user: User, _zone: str) -> tuple[str, str, Fill]:
    return reverse("credential-add", args=[_app(rows).pk]), "expires_at", {"value": SECRET}


def replace(rows: Rows, _user: User, _zone: str) -> tuple[str, str, Fill]:
    old = rows.credential(_app(rows))
    return reverse("credential-replace", args=[old.pk]), "expires_at", {"value": SECRET, **LATER}


def edit(rows: Rows, _user: User, _zone: str) -> tuple[str, str, Fill]:
    old = rows.credential(_app(rows))
    return reverse("credential-edit", args=[old.pk]), "expires_at", {"description": "edited"}


def guide(rows: Rows, user: User, _zone: str) -> tuple[str, str, Fill]:
    app = _app(rows)
    started = SetupProgress.objects.create(tenant=app.tenant, app=app, person=user)
    return reverse("guide-credential", args=[started.pk]) + "?by=secret", "expires_at", {"value": SECRET, **LATER}


def quick_add(_rows: Rows, _user: User, zone: str) -> tuple[str, str, Fill]:
    return reverse("register"), "secret-expires_at", registration(**{"tenant-time_zone": zone})


DOORS: dict[str, Door] = {"add": add, "replace": replace, "edit": edit, "guide": guide, "quick add": quick_add}


def _app(rows: Rows) -> AppRegistration:
    return rows.app(rows.tenant("Northpark", time_zone="Europe/Paris"))


def hidden(page: str, name: str) -> Fill:
    """The inputs of this name, with their values."""
    tags = re.findall(r"<input[^>]*>", page)
    found = [(re.search(rf'name="({name})"', tag), re.search(r'value="([^"]+)"', tag)) for tag in tags]
    return {one[1]: value[1] for one, value in found if one and value}


@pytest.mark.parametrize("door", DOORS)
def test_what_was_read_is_shown_in_words_before_it_is_saved(
    rows: Rows, signed_in: Client, administrator: User, door: str
) -> None:
    """Without scripts: by them the words and the mark that they were shown are there before the form is sent."""
    for name, text in SHAPES.items():
        url, field, values = DOORS[door](rows, administrator, "Europe/Paris")
        before = set(Credential.objects.values_list("pk", "expires_at"))
        sent = {**values, field: text}
        response = signed_in.post(url, sent)
        if name not in PLAIN:
            page = response.content.decode()
            assert response.status_code in (200, 422), name
            assert f"{END.day} {END:%B %Y}, 00:00, Europe/Paris" in page, name
            assert "Check how this date was read" in page
            assert set(Credential.objects.values_list("pk", "expires_at")) == before
            assert SECRET not in page
            shown = hidden(page, rf"{field}_shown")
            kept = hidden(page, r"kept-[\w-]+")
            assert bool(kept) == (door != "edit"), "the secret is kept for the second submission"
            emptied = dict.fromkeys((one.removeprefix("kept-") for one in kept), "")
            response = signed_in.post(url, {**sent, **shown, **kept, **emptied})
        assert response.status_code == 302, (name, response.content.decode()[-3000:])
        [stored] = set(Credential.objects.values_list("pk", "expires_at")) - before
        assert f"{stored[1].astimezone(PARIS):%Y-%m-%d %H:%M}" == f"{END:%Y-%m-%d} 00:00", name


UNCERTAIN = {
    "03/04/2027": "This can be two dates. Choose one of them.",
    "2020-01-31": "This expiry date has passed. Is it correct?",
    "31/01/2072": "more than 24 months ahead",
    "9999-12-31": "a secret always expires",
    "12/31/9999 11:59:59 PM": "a secret always expires",
    "31/12/1999": "before the year 2000",
    "31/02/2027": "This is not a date.",
    "soon": "This is not a date.",
    str(uuid4()): "This is not a date.",
}


@pytest.mark.parametrize("door", DOORS)
def test_what_is_no_certain_date_is_asked_about(rows: Rows, signed_in: Client, administrator: User, door: str) -> None:
    url, field, values = DOORS[door](rows, administrator, "Europe/Paris")
    before = set(Credential.objects.values_list("pk", "expires_at"))
    for text, words in UNCERTAIN.items():
        page = signed_in.post(url, {**values, "starts_at": "", field: text}).content.decode()
        assert words in page, text
    assert set(Credential.objects.values_list("pk", "expires_at")) == before


@pytest.mark.parametrize("way", ["page", "command"])
def test_a_file_reads_the_same_texts(signed_in: Client, way: str) -> None:
    lines = ["tenant_name;directory_id;app_name;client_id;secret_expires_on;time_zone"]
    directory = str(uuid4())
    lines += [f"N;{directory};{name};{uuid4()};{text};Europe/Paris" for name, text in SHAPES.items()]
    content = "\n".join(lines).encode()
    if way == "page":
        assert "Stored:" in bring(signed_in, content)
    else:
        import_registrations(io.BytesIO(content), now=datetime.now(UTC), options=ImportOptions())
    found = dict(Credential.objects.values_list("app__name", "expires_at"))
    days = {name: f"{moment.astimezone(PARIS):%Y-%m-%d %H:%M}" for name, moment in found.items()}
    assert days == dict.fromkeys(SHAPES, f"{END:%Y-%m-%d} 00:00")


@pytest.mark.parametrize(
    ("changed", "is_shown"),
    [
        ({}, True),
        ({"expires_at": "27/05/2027"}, False),
        ({"expires_at_shown": ""}, False),
        ({"expires_at_shown": "x"}, False),
    ],
)
def test_the_mark_counts_for_the_text_that_was_shown(changed: Fill, is_shown: bool) -> None:
    asked = SecretForm({"value": SECRET, "expires_at": "28/05/2027"})
    assert not asked.is_valid()
    shown = asked["expires_at"].reading.moment  # type: ignore[attr-defined]
    form = SecretForm({"value": SECRET, "expires_at": "28/05/2027", "expires_at_shown": shown, **changed})
    assert form.is_valid() == is_shown
