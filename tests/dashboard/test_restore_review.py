"""The database was put back from a copy: every page says so while something waits, and a page lets people decide."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils import timezone

from alertadmin.outbox.models import Delivery, DeliveryState
from alertadmin.registry.models import Contact
from alertadmin.reminders.models import Scan
from alertadmin.reminders.restore import review
from alertadmin.reminders.scan import scanner
from tests.factories import Rows

PATH = "/deliveries/review/"
BANNER = "This database was restored from a backup of"


@pytest.fixture
def held(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> list[Delivery]:
    """Three mails that wait, for three people."""
    monkeypatch.setattr(review, "FEW", 2)
    now = timezone.now()
    app = rows.app()
    rows.credential(app, expires_at=now + timedelta(days=20))
    for name in ("ada", "ben", "zoe"):
        Contact.objects.create(tenant=app.tenant, email=f"{name}@northpark.example")
    found = scanner.run(now - timedelta(hours=1))
    review.begin(found, now - timedelta(days=9), now)
    return list(review.awaiting_review(now).order_by("recipient"))


def told(client: Client, **data: str) -> str:
    return client.post(PATH, data, follow=True).content.decode()


def states() -> list[str]:
    return list(Delivery.objects.order_by("recipient").values_list("state", flat=True))


def test_every_page_says_it_and_how_many_wait(signed_in: Client, held: list[Delivery]) -> None:
    for path in ("/", "/tenants/", "/deliveries/", PATH):
        page = signed_in.get(path, follow=True).content.decode()
        assert BANNER in page
        assert "3 mails are withheld until" in page


def test_while_nothing_waits_no_page_does(signed_in: Client, rows: Rows) -> None:
    scanner.run(timezone.now())
    Scan.objects.update(copy_of=timezone.now())
    assert BANNER not in signed_in.get("/", follow=True).content.decode()
    page = signed_in.get(PATH).content.decode()
    assert BANNER not in page
    assert "Nothing needs your decision" in page


def test_whoever_is_not_signed_in_hears_nothing_of_it(client: Client, held: list[Delivery]) -> None:
    assert BANNER not in client.get("/", follow=True).content.decode()
    assert client.post(PATH, {"act": "send"})["Location"].startswith("/sign-in/")
    assert review.awaiting_review(timezone.now()).count() == 3


def test_the_page_lists_who_waits(signed_in: Client, held: list[Delivery]) -> None:
    page = signed_in.get(PATH).content.decode()
    for one in held:
        assert f'value="{one.recipient}"' in page


def test_each_delivery_s_page_says_why_it_waits(signed_in: Client, held: list[Delivery]) -> None:
    page = signed_in.get(f"/deliveries/{held[0].pk}/").content.decode()
    assert "Withheld for one day: the database was restored from a backup" in page


def test_send_all_lets_all_of_them_leave(signed_in: Client, held: list[Delivery]) -> None:
    assert "3 mails are being sent now." in told(signed_in, act="send")
    assert not review.awaiting_review(timezone.now()).exists()
    assert not Delivery.objects.filter(not_before__gt=timezone.now()).exists()


def test_one_recipient_leaves_alone(signed_in: Client, held: list[Delivery]) -> None:
    assert "1 mail is being sent now." in told(signed_in, act="send", recipient="ben@northpark.example", label="")
    assert review.awaiting_review(timezone.now()).count() == 2


def test_that_one_was_told_takes_his_back_alone(signed_in: Client, held: list[Delivery]) -> None:
    assert "1 mail was cancelled" in told(signed_in, act="told", recipient="ben@northpark.example", label="")
    assert states() == [DeliveryState.PENDING, DeliveryState.CANCELLED, DeliveryState.PENDING]
    page = signed_in.get(f"/deliveries/{held[1].pk}/").content.decode()
    assert "ada@northpark.example marked it as already sent before" in page


def test_that_all_were_told_must_be_known(signed_in: Client, held: list[Delivery]) -> None:
    assert "Tick the box to confirm:" in told(signed_in, act="told")
    assert set(states()) == {DeliveryState.PENDING}
    assert "3 mails were cancelled" in told(signed_in, act="told", sure="on")
    assert set(states()) == {DeliveryState.CANCELLED}


@pytest.mark.parametrize(
    "data", [{}, {"act": "other"}, {"act": "send", "recipient": "unknown@x.example"}, {"act": "told", "recipient": ""}]
)
def test_what_makes_no_sense_changes_nothing(signed_in: Client, held: list[Delivery], data: dict[str, str]) -> None:
    told(signed_in, **data)
    assert review.awaiting_review(timezone.now()).count() == 3


def test_what_left_meanwhile_is_not_taken_back(signed_in: Client, held: list[Delivery]) -> None:
    Delivery.objects.update(state=DeliveryState.SENDING)
    assert "Nothing is waiting any more:" in told(signed_in, act="told", sure="on")
    assert set(states()) == {DeliveryState.SENDING}


def test_a_hostile_recipient_is_told_as_text(signed_in: Client, held: list[Delivery]) -> None:
    Delivery.objects.filter(pk=held[0].pk).update(recipient='"><script>alert(1)</script>')
    page = signed_in.get(PATH).content.decode()
    assert "<script>alert(1)" not in page
    assert urlencode({"q": '"><script>'}).partition("=")[2] in page
