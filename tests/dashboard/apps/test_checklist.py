"""How an app registration stands: four steps, each done or with the act that does it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from alertadmin.dashboard.apps.checklist import ChecklistStep, steps
from alertadmin.outbox.models import Delivery
from alertadmin.registry.models import AppRegistration, Consent, Mailbox
from tests.conftest import NOW
from tests.factories import Rows
from tests.helpers.access import everything

SECRET, CONSENT, MAILBOX, TEST = range(4)


def stands(app: AppRegistration) -> list[ChecklistStep]:
    return steps(app, app.consents.all(), NOW, everything())


@pytest.fixture
def app(rows: Rows) -> AppRegistration:
    return rows.app()


def test_of_a_bare_app_everything_is_to_be_done(app: AppRegistration) -> None:
    found = stands(app)
    assert [step.is_done for step in found] == [False] * 4
    assert [step.act for step in found] == ["Add a secret", "See consent", "Add a mailbox", ""]
    assert found[SECRET].url == reverse("credential-add", args=[app.pk])
    assert found[MAILBOX].url == f"{reverse('mailbox-add')}?app={app.pk}"


@pytest.mark.parametrize(
    ("days", "is_done", "text"),
    [(61, True, "expires in 61 days"), (60, False, "60 days"), (-1, False, "expired 1 day ago")],
)
def test_a_secret_is_replaced_while_there_is_time(
    app: AppRegistration, rows: Rows, days: int, is_done: bool, text: str
) -> None:
    credential = rows.credential(app, days=days)
    step = stands(app)[SECRET]
    assert step.is_done == is_done
    assert text in step.text
    assert step.url == ("" if is_done else reverse("credential-replace", args=[credential.pk]))


def test_one_that_waits_to_be_proven_is_tried_before_another_is_made(app: AppRegistration, rows: Rows) -> None:
    rows.credential(app, days=5)
    waiting = rows.credential(app, days=400, state="next")
    step = stands(app)[SECRET]
    assert step.url == waiting.get_absolute_url()
    assert "Another one is waiting to be verified." in step.text


@pytest.mark.parametrize(
    ("statuses", "is_done", "text"),
    [
        (["granted", "granted"], True, "All required permissions are granted."),
        (["granted", "not_in_token"], False, "1 permission is not granted."),
        (["error", "unknown"], False, "2 permissions are not granted."),
        (["unknown", "unknown"], False, "Consent has not been checked yet."),
    ],
)
def test_consent_stands_when_all_of_it_is_granted(
    app: AppRegistration, statuses: list[str], is_done: bool, text: str
) -> None:
    for permission, status in zip(("Mail.Send", "SMTP.SendAsApp"), statuses, strict=True):
        Consent.objects.create(app=app, tenant=app.tenant, permission=permission, status=status)
    step = stands(app)[CONSENT]
    assert (step.is_done, step.text) == (is_done, text)


def test_an_app_that_wants_no_permission_is_led_to_choose_one(rows: Rows) -> None:
    app = rows.app(permissions=[])
    assert stands(app)[CONSENT].url == reverse("app-edit", args=[app.pk])


@pytest.fixture
def mailbox(app: AppRegistration) -> Mailbox:
    return Mailbox.objects.create(tenant=app.tenant, app=app, address="a@x.example", transport="ews")


def test_a_mailbox_is_there_and_leads_to_its_first_test(app: AppRegistration, mailbox: Mailbox) -> None:
    found = stands(app)
    assert (found[MAILBOX].is_done, found[MAILBOX].text) == (True, "1 mailbox sends, by Exchange Web Services (EWS).")
    assert (found[TEST].is_done, found[TEST].url) == (False, mailbox.get_absolute_url())


@pytest.mark.parametrize(
    ("state", "is_done", "text"),
    [
        ("sent", True, "The last test was accepted."),
        ("failed", False, "The last test failed."),
        ("pending", False, "A test is in progress."),
        ("sending", False, "A test is in progress."),
        ("uncertain", False, "The last test may have been accepted."),
    ],
)
def test_the_last_test_tells(app: AppRegistration, mailbox: Mailbox, state: str, is_done: bool, text: str) -> None:
    for key, created_at in (("earlier", NOW - timedelta(days=1)), ("last", NOW)):
        Delivery.objects.create(
            purpose="test",
            dedupe_key=key,
            recipient="me@x.example",
            mailbox=mailbox,
            created_at=created_at,
            state=state if key == "last" else "failed" if is_done else "sent",
        )
    step = stands(app)[TEST]
    assert (step.is_done, step.text) == (is_done, text)
    last = Delivery.objects.get(dedupe_key="last")
    assert step.url == ("" if is_done else reverse("test-send-progress", args=[last.pk]))


def test_the_page_of_an_app_shows_its_steps_with_their_acts(signed_in: Client, app: AppRegistration) -> None:
    text = signed_in.get(app.get_absolute_url()).content.decode()
    assert "No secret is in use." in text
    assert f'href="{reverse("credential-add", args=[app.pk])}"' in text
