"""The reminder and the test mail in French: subject, text, HTML, dates and plurals."""

from __future__ import annotations

from datetime import timedelta
from html import unescape

import pytest

from alertadmin.outbox.mails.composers import Content
from alertadmin.outbox.models import Delivery
from alertadmin.outbox.send_test import test_send
from alertadmin.registry.models import Credential, CredentialKind
from alertadmin.reminders.compose import digest
from alertadmin.reminders.scan import scanner
from sandbox import Sandbox
from tests.conftest import NOW
from tests.factories import Rows


@pytest.fixture
def due(rows: Rows) -> list[Credential]:
    """Of one tenant in Paris: a certificate that expired, a secret that ends in three days, one that waits."""
    tenant = rows.tenant("Énergie du Nord", ["garde@nord.example"], time_zone="Europe/Paris", language="fr")
    app = rows.app(tenant, "Soon")
    return [
        rows.credential(rows.app(tenant, "Gone"), days=-1, kind=CredentialKind.CERTIFICATE, description=""),
        rows.credential(app, days=3, description="clé"),
        rows.credential(app, days=21, state="next"),
    ]


def mail() -> Content:
    scanner.run(NOW)
    content = digest.compose(Delivery.objects.get(), NOW)
    assert isinstance(content, Content)
    return content


def test_the_subject_is_french(due: list[Credential]) -> None:
    subject = mail().subject
    assert subject == "« Gone » (« Énergie du Nord ») : le certificat a expiré il y a 1 jour (et 2 autres)"


def test_the_text_is_french_with_french_dates_in_the_tenant_s_zone(due: list[Credential]) -> None:
    text = mail().text.replace("\u00a0", " ")
    assert text.startswith("1 élément ci-dessous n’est plus valable : les e-mails qui en dépendent ne partent plus.")
    assert "* « Énergie du Nord » / « Gone » / « Certificat »\n" in text
    names = "« Énergie du Nord » / « Soon » / « clé »"
    assert f"* {names}\n  expire dans 3 jours : le 26 nov. 2026, 09:00 (Europe/Paris)" in text
    assert "(en attente de remplacer celui en service)" in text
    assert f"Renouveler : http://localhost:8000/secrets/{due[1].pk}/" in text


def test_the_html_says_that_it_is_french(due: list[Credential]) -> None:
    html = unescape(mail().html)
    assert '<html lang="fr">' in html
    assert "expire dans 3 jours\u00a0: le 26 nov. 2026, 09:00 (Europe/Paris)" in html
    assert "Renouveler" in html


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (timedelta(hours=5), "expire dans les 24 heures"),
        (timedelta(days=1), "expire dans 1 jour"),
        (timedelta(days=2), "expire dans 2 jours"),
        (timedelta(hours=-5), "a expiré il y a moins de 24 heures"),
        (timedelta(days=-1), "a expiré il y a 1 jour"),
        (timedelta(days=-40), "a expiré il y a 40 jours"),
    ],
)
def test_what_is_left_has_french_plurals(french: None, left: timedelta, words: str) -> None:
    assert digest.time_left(NOW + left, NOW) == words


def test_what_is_cut_is_counted_in_french(due: list[Credential], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest, "MAX_LINES", 2)
    assert "Et 1 autre." in mail().text


def mail_of(delivery: Delivery) -> Content:
    content = test_send.compose(Delivery.objects.get(pk=delivery.pk), NOW)
    assert isinstance(content, Content)
    return content


def test_a_test_mail_is_in_the_language_of_the_mailbox_s_tenant(sandbox: Sandbox, rows: Rows) -> None:
    site = rows.site(sandbox)
    site.tenant.language = "fr"
    site.tenant.save()
    delivery = test_send.create(site.mailbox, "me@example.com", now=NOW)
    content = mail_of(delivery)
    assert content.subject == f"Test d’alertadmin\u00a0: les e-mails de {site.mailbox.address} arrivent"
    assert "par Microsoft Graph le 23 nov. 2026, 08:00:00 UTC" in content.text
    site.tenant.language = ""
    site.tenant.save()
    content = mail_of(delivery)
    assert content.subject == f"Test by alertadmin: mail from {site.mailbox.address} arrives"
