"""The content of a reminder mail, composed when it is sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db.models.signals import post_init

from alertadmin.outbox.mails.composers import Content, Deferred, Obsolete
from alertadmin.outbox.models import Delivery
from alertadmin.registry.models import Credential, CredentialState
from alertadmin.reminders.compose import digest
from alertadmin.reminders.models import Reminder
from alertadmin.reminders.scan import scanner
from tests.factories import Rows

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


@pytest.fixture
def due(rows: Rows) -> list[Credential]:
    """Three secrets of one tenant in Paris: expired, in three days, in three weeks."""
    tenant = rows.tenant("Northpark <Energy>", ["duty@northpark.example"], time_zone="Europe/Paris")
    return [
        rows.credential(rows.app(tenant, name), days=days, description=f"{name} key")
        for name, days in (("Weeks", 21), ("Gone", -2), ("Soon", 3))
    ]


def composed(now: datetime = NOW) -> Content | Deferred | Obsolete:
    return digest.compose(Delivery.objects.latest("created_at"), now)


def mail(now: datetime = NOW) -> Content:
    content = composed(now)
    assert isinstance(content, Content)
    return content


def test_the_subject_names_the_most_urgent_and_counts_the_rest(due: list[Credential]) -> None:
    scanner.run(NOW)
    assert mail().subject == "“Gone” of “Northpark Energy”: client secret expired 2 days ago (and 2 more)"


def test_each_line_has_tenant_app_description_end_days_left_and_link(due: list[Credential]) -> None:
    scanner.run(NOW)
    text = mail().text
    assert "* “Northpark Energy” / “Soon” / “Soon key”" in text
    assert "expires in 3 days: 26 Nov 2026, 09:00 (Europe/Paris)" in text
    assert f"/secrets/{due[2].pk}/" in text
    assert text.index("Gone key") < text.index("Soon key") < text.index("Weeks key")


def test_the_html_escapes_names_and_carries_its_styles_inline(due: list[Credential]) -> None:
    scanner.run(NOW)
    html = mail().html
    assert "“Northpark Energy”" in html
    assert "Energy>" not in html
    assert 'class="line"' in html
    assert "border-radius: 8px" in html


def test_what_was_renewed_deleted_or_superseded_meanwhile_is_left_out(due: list[Credential]) -> None:
    scanner.run(NOW)
    Credential.objects.filter(pk=due[0].pk).update(expires_at=NOW + timedelta(days=700))
    due[1].delete()
    assert "Soon key" in mail().text
    assert "Weeks key" not in mail().text
    Credential.objects.filter(pk=due[2].pk).update(state=CredentialState.RETIRED)
    assert isinstance(composed(), Obsolete)


def test_a_mail_that_waited_says_nothing_a_later_one_says_more_nearly(due: list[Credential]) -> None:
    scanner.run(NOW)
    old = Delivery.objects.get()
    scanner.run(NOW + timedelta(days=19))
    remaining = digest.compose(old, NOW + timedelta(days=19))
    assert isinstance(remaining, Obsolete)


def test_hundreds_of_lines_are_cut_with_the_rest_counted(rows: Rows) -> None:
    tenant = rows.tenant(contacts=["duty@northpark.example"])
    app = rows.app(tenant)
    Credential.objects.bulk_create(
        [
            Credential(app=rows.app(tenant, f"app {n}"), expires_at=NOW + timedelta(days=2, minutes=n))
            for n in range(digest.MAX_LINES + 3)
        ]
    )
    scanner.run(NOW)
    read: list[Reminder] = []
    post_init.connect(
        lambda instance, **_signal: read.append(instance), sender=Reminder, weak=False, dispatch_uid="read"
    )
    text = mail().text
    post_init.disconnect(sender=Reminder, dispatch_uid="read")
    assert app.name
    assert "And 3 more." in text
    assert len(read) == digest.MAX_LINES, "what is counted is not read"
