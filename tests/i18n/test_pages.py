"""No page that is shown in French says a sentence in English that we have in French, or a technical word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse
from pytest_django import Settings

from alertadmin.accounts.models import User
from alertadmin.monitoring import worker_heartbeat
from alertadmin.outbox import worker
from alertadmin.outbox.send_test import test_send
from alertadmin.registry.consent.checks import check_consent
from alertadmin.reminders.scan import scanner
from sandbox import Sandbox
from tests.conftest import NOW, set_environment
from tests.factories import Rows, Site
from tests.i18n.technical_words import technical
from tests.i18n.test_catalogue import PLACEHOLDER, read
from tests.security.route_matrix import routes

FRENCH = {"headers": {"accept-language": "fr-FR,fr;q=0.9"}}
SKIPPED = {"sign-out", "set_language", "healthz", "readyz", "first-administrator"}
"""They show no page, or none without a link that was printed."""


@cache
def english_sentences() -> dict[str, tuple[str, re.Pattern[str]]]:
    """Each text that differs in French and is long enough to recognise, with its longest literal part and the regular
    expression that finds it at the start of a line or sentence. Looking for the literal first costs a tenth.
    """
    return {
        english: (
            max(PLACEHOLDER.split(english), key=len),
            re.compile(r"(?:^|[.!?:] )" + r".+?".join(map(re.escape, PLACEHOLDER.split(english))), re.MULTILINE),
        )
        for text, forms in read("django.po").items()
        if all(forms)
        for english, told in zip(text.forms, forms, strict=True)
        if english != told and len(PLACEHOLDER.sub("", english).split()) >= 3
    }


def shown(html: str) -> str:
    """The words of a page: its text, and what attributes say; a line for each."""
    words = re.sub(r"<(script|style)\b.*?</\1>", "\n", html, flags=re.DOTALL)
    words = re.sub(r"\s+", " ", words)
    words = re.sub(r'(?:title|aria-label|placeholder|alt|data-done)="([^"]*)"', r">\n\1\n<", words)
    return re.sub(r" ?\n ?", "\n", unescape(re.sub(r"<[^>]*>", "\n", words)))


def english_of(html: str) -> list[str]:
    words = shown(html)
    sentences = english_sentences()
    return [
        sentence for sentence, (literal, pattern) in sentences.items() if literal in words and pattern.search(words)
    ]


def names(patterns: list[URLPattern | URLResolver] | None = None) -> Iterator[str]:
    for pattern in patterns if patterns is not None else get_resolver().url_patterns:
        if isinstance(pattern, URLResolver):
            if pattern.app_name != "admin":
                yield from names(pattern.url_patterns)
        elif pattern.name and pattern.name not in SKIPPED:
            yield pattern.name


@pytest.fixture
def site(sandbox: Sandbox, rows: Rows) -> Site:
    """A customer with something to show on every page: a secret that ends, a consent that is missing, a delivery."""
    site = rows.site(sandbox, granted=(), days=3, contacts=["garde@nord.example"])
    check_consent(site.app, site.tenant, now=NOW)
    scanner.run(NOW)
    return site


def pages(site: Site) -> Iterator[str]:
    """Each address of the pages: those of no thing, and those of a thing with the ids of all things of its model."""
    notices = site.credential.reminders.get().notices.all()
    things: list[Any] = [site.tenant, site.app, site.credential, site.mailbox]
    things += [*site.app.consents.all(), *notices, *(notice.delivery for notice in notices)]
    models = {route.name: route.model for route in routes()}
    for name in names():
        try:
            yield reverse(name)
        except NoReverseMatch:
            model = models.get(name) or ""
            for pk in [thing.pk for thing in things if model in ("", type(thing).__name__)]:
                try:
                    yield reverse(name, args=[pk])
                except NoReverseMatch:
                    continue


@pytest.mark.parametrize("wish", [pytest.param("of the browser", marks=pytest.mark.slow), "of the viewer"])
def test_every_page_in_french_says_nothing_in_english(
    client: Client, administrator: User, site: Site, wish: str
) -> None:
    if wish == "of the viewer":
        administrator.language = "fr"
        administrator.save()
    client.force_login(administrator)
    assert english_of(client.get(reverse("overview"), **FRENCH).content.decode()) == []  # type: ignore[arg-type]
    worker_heartbeat.beat()  # from here on pages read what is wrong from its row
    seen = 0
    for address in pages(site):
        response = client.get(address, **(FRENCH if wish == "of the browser" else {}))  # type: ignore[arg-type]
        if response.status_code == 200 and response.headers["Content-Type"].startswith("text/html"):
            seen += 1
            page = response.content.decode()
            assert english_of(page) == [], address
            assert technical(page) == [], address
    assert seen > 20


@pytest.mark.parametrize(
    ("markup", "hits"),
    [
        ("<p>permanently on 2027-04-01.</p>", 1),
        ("<td>in_use</td>", 1),
        ("<td>EWS (exchangelib)</td>", 1),
        ("<td>None</td><p>None yet. None: the owners.</p><b>(True)</b>", 2),
        ("<p>ErrorNonExistentMailboxException</p>", 1),
        ("<td>State.IN_USE</td>", 1),
        ("<code>in_use 2027-04-01</code> <p>By send_reminders, as 2028-11-22. None of them.</p>", 0),
    ],
)
def test_a_technical_word_is_found(markup: str, hits: int) -> None:
    assert len(technical(markup)) == hits


def test_what_was_stored_in_english_is_shown_in_french(
    client: Client, administrator: User, site: Site, settings: Settings, tmp_path: Path
) -> None:
    client.force_login(administrator)
    site.tenant.language = "fr"
    site.tenant.save()
    reminder = site.credential.reminders.get().notices.all()[0].delivery
    site.credential.delete()
    check_consent(site.app, site.tenant, now=NOW)
    failed = test_send.create(site.mailbox, "me@example.com", now=NOW)
    for delivery in (failed, reminder):
        worker.deliver_due(clock=lambda: NOW, only=delivery.pk)
    set_environment(settings, KEYS_FILE=str(tmp_path / "lost.json"))
    worker_heartbeat.beat()
    told = [
        client.get(address, **FRENCH).content.decode()  # type: ignore[arg-type]
        for address in (reverse("delivery", args=[failed.pk]), reverse("test-send-progress", args=[failed.pk]))
    ]
    told.append(client.get(site.app.get_absolute_url(), **FRENCH).content.decode())  # type: ignore[arg-type]
    for page in told:
        assert "n’a aucun secret en service" in page
        assert f"Le fichier de clés {tmp_path / 'lost.json'} est absent" in page
        assert english_of(page) == []
    cancelled = client.get(reverse("delivery", args=[reminder.pk]), **FRENCH).content.decode()  # type: ignore[arg-type]
    assert "Tout ce qu’il contenait a été renouvelé, remplacé ou supprimé avant l’envoi." in cancelled


def test_english_on_a_page_is_found_by_this_very_search(client: Client, administrator: User, site: Site) -> None:
    client.force_login(administrator)
    assert english_of(client.get(site.credential.get_absolute_url()).content.decode())
    for markup in ("<p>What is <b>wrong</b>: The client secret is wrong</p>", '<i title="Send a test."></i>'):
        assert english_of(markup)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("secret-value", "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed", "Ceci est l’ID du secret, et non sa valeur\u00a0:"),
        ("tenant-directory_id", "common", "«\u00a0common\u00a0» ne désigne aucun annuaire en particulier"),
        ("tenant-directory_id", "x", "Ceci n’est pas un ID\u00a0:"),
        ("secret-expires_at", "31/12", "Ce n’est pas une date"),
        ("tenant-time_zone", "Mars/Olympus", "«\u00a0Mars/Olympus\u00a0» n’est pas un fuseau horaire"),
    ],
)
def test_what_a_form_refuses_is_told_in_french(
    client: Client, administrator: User, name: str, value: str, words: str
) -> None:
    client.force_login(administrator)
    response = client.post(reverse("register"), {name: value}, **FRENCH)  # type: ignore[arg-type]
    assert words in unescape(response.content.decode())
