"""Whose language is spoken: the viewer's on pages, the recipient's or the tenant's in mails, the operator's else."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from alertadmin.accounts.models import User
from alertadmin.environment import BadEnvironment, Environment
from alertadmin.outbox.mails.composers import Content
from alertadmin.outbox.models import Delivery
from alertadmin.reminders.compose import digest
from alertadmin.reminders.scan import scanner
from tests.conftest import NOW
from tests.factories import Rows


def language_of_page(client: Client, wished: str = "") -> str:
    response = client.get(reverse("profile"), headers={"accept-language": wished} if wished else None)
    language = response.headers["Content-Language"]
    assert f'<html lang="{language}">' in response.content.decode()
    return language


def languages_of_mails() -> dict[str, str]:
    scanner.run(NOW)
    return {delivery.recipient: language_of_mail(delivery) for delivery in Delivery.objects.all()}


def language_of_mail(delivery: Delivery) -> str:
    content = digest.compose(delivery, NOW)
    assert isinstance(content, Content)
    return content.html.partition('<html lang="')[2][:2]


def test_a_page_is_in_the_language_that_the_browser_asks_for(client: Client, administrator: User) -> None:
    client.force_login(administrator)
    assert language_of_page(client, "fr-FR,fr;q=0.9,en;q=0.5") == "fr"
    assert language_of_page(client, "de") == "en"
    assert language_of_page(client) == "en"


def test_a_page_is_in_the_viewer_s_own_language_whatever_the_browser_asks_for(
    client: Client, administrator: User
) -> None:
    administrator.language = "fr"
    administrator.save()
    client.force_login(administrator)
    assert language_of_page(client, "en") == "fr"
    client.logout()
    assert client.get(reverse("sign-in"), headers={"accept-language": "en"}).headers["Content-Language"] == "en"


def test_a_browser_that_asks_for_none_of_ours_gets_the_installation_s(
    client: Client, administrator: User, settings: Settings
) -> None:
    settings.LANGUAGE_CODE = "fr"
    client.force_login(administrator)
    assert language_of_page(client, "de") == "fr"
    assert language_of_page(client, "en") == "en"


def test_a_contact_is_told_in_the_language_of_the_tenant_whose_secret_ends_first(rows: Rows) -> None:
    for name, language, days in (("Nord", "fr", 3), ("North", "en", 20)):
        tenant = rows.tenant(name, ["both@example.com", f"{name}@example.com"], language=language)
        rows.credential(rows.app(tenant), days=days)
    assert languages_of_mails() == {"both@example.com": "fr", "nord@example.com": "fr", "north@example.com": "en"}


def test_whoever_signs_in_here_is_told_in_the_language_they_chose(rows: Rows, administrator: User) -> None:
    User.objects.filter(pk=administrator.pk).update(language="fr", email="Ada@northpark.example")
    rows.credential(rows.app(rows.tenant("No recipient", language="en")), days=3)
    assert languages_of_mails() == {"ada@northpark.example": "fr"}


def test_a_tenant_without_a_language_is_told_in_the_installation_s(rows: Rows, settings: Settings) -> None:
    settings.LANGUAGE_CODE = "fr"
    rows.credential(rows.app(rows.tenant(contacts=["duty@example.com"])), days=3)
    assert languages_of_mails() == {"duty@example.com": "fr"}


def test_the_languages_are_offered_by_their_own_names_or_none(administrator: User, rows: Rows) -> None:
    shown = User._meta.get_field("language").formfield().choices  # type: ignore[union-attr]
    assert list(shown) == [("", "As the browser asks"), ("en", "English"), ("fr", "Français")]
    administrator.language = rows.tenant().language = ""
    administrator.full_clean()


@pytest.mark.parametrize(("value", "language"), [("", "en"), ("en", "en"), ("fr", "fr")])
def test_the_installation_s_language_comes_from_the_environment(tmp_path: Path, value: str, language: str) -> None:
    assert Environment(tmp_path, {"ALERTADMIN_LANGUAGE": value}).language == language


def test_an_installation_language_that_is_none_of_ours_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(BadEnvironment, match='must be one of en, fr; it is "de"'):
        _ = Environment(tmp_path, {"ALERTADMIN_LANGUAGE": "de"}).language
