"""Django's own admin, for operators: everything can be looked at, nothing sealed is shown or entered."""

from __future__ import annotations

import re

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from alertadmin.accounts.models import User
from alertadmin.registry.models import Mailbox
from alertadmin.reminders import scan
from sandbox import Sandbox
from tests.conftest import NOW
from tests.rows import Rows

SECRET = "abc8Q~canary.canary-canary_canary~canary12"
PASSWORD = "canary-password-of-the-plant"
SHOWN = ["accounts", "outbox", "registry", "reminders"]
MODELS = sorted(
    (model for model in admin.site._registry if model._meta.app_label in SHOWN), key=lambda model: model._meta.label
)


@pytest.fixture
def operator(client: Client, administrator: User) -> Client:
    client.force_login(administrator)
    return client


@pytest.fixture
def everything(sandbox: Sandbox, rows: Rows) -> None:
    site = rows.site(sandbox, days=3, contacts=["duty@northpark.example"])
    site.credential.store(SECRET)
    site.credential.save()
    mailbox = Mailbox(tenant=site.tenant, address="a@plant.example", transport="ews", server="onprem")
    mailbox.password = PASSWORD
    mailbox.save()
    scan.run(NOW)


def test_every_kind_of_row_is_there() -> None:
    named = {model._meta.model_name for model in MODELS}
    assert {"tenant", "appregistration", "credential", "mailbox", "consent", "delivery", "reminder", "user"} <= named


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_lists_and_things_answer_and_show_nothing_sealed(operator: Client, everything: None, model: type) -> None:
    meta = model._meta  # type: ignore[attr-defined]
    name = f"admin:{meta.app_label}_{meta.model_name}"
    listed = operator.get(reverse(f"{name}_changelist"), {"q": "a"})
    assert listed.status_code == 200
    pages = [listed]
    for row in model._default_manager.all()[:3]:  # type: ignore[attr-defined]
        pages.append(operator.get(reverse(f"{name}_change", args=[row.pk])))
        assert pages[-1].status_code == 200
    for page in pages:
        text = page.content.decode()
        assert "canary" not in text
        assert not re.search(r"v1\.k[0-9a-f]{8}\.", text), "a ciphertext is shown"
        assert "unsafe" not in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_whoever_is_no_operator_is_led_to_the_door(client: Client, db: None, model: type) -> None:
    client.force_login(User.objects.create_user("guest@northpark.example", "x"))
    meta = model._meta  # type: ignore[attr-defined]
    answer = client.get(reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist"))
    assert answer.status_code == 302


def test_nothing_sealed_is_entered_by_it(operator: Client, everything: None) -> None:
    mailbox = Mailbox.objects.get(server="onprem")
    page = operator.get(reverse("admin:registry_mailbox_change", args=[mailbox.pk])).content.decode()
    assert 'name="password"' not in page


def test_lists_cost_few_queries(operator: Client, rows: Rows, django_assert_max_num_queries: object) -> None:
    for number in range(20):
        rows.credential(rows.app(rows.tenant(f"T{number}")), days=number)
    for name in ("tenant", "appregistration", "credential"):
        with django_assert_max_num_queries(10):  # type: ignore[operator]
            operator.get(reverse(f"admin:registry_{name}_changelist"))
