"""Item 8: unlimited mail to any address with text of the sender's choosing: the total over all pages is limited, and
names cannot contain links."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from alertadmin.accounts.models import ThrottleCounter, User
from alertadmin.outbox import mail_limits
from alertadmin.outbox.mail_limits import TooManyMails, count_mail
from alertadmin.registry import safe_names
from tests.factories import Rows

pytestmark = pytest.mark.control(77)

TENANT = UUID(int=1)


@pytest.fixture
def person(db: None) -> User:
    return User.objects.create(email="grace@provider.example")


def let(by: User, now: datetime, recipients: list[str], *, tenant: UUID | None = TENANT) -> int:
    done = 0
    for recipient in recipients:
        try:
            count_mail(by, tenant, recipient, now)
        except TooManyMails:
            continue
        done += 1
    return done


def strangers(count: int, domain: str = "") -> list[str]:
    return [f"p{number}@{domain or f'd{number}.example'}" for number in range(count)]


@pytest.mark.parametrize(
    ("recipients", "most"),
    [
        (strangers(40, "customer.example"), 40),
        (strangers(120, "victim.example"), 100),
        (["victim@customer.example"] * 40, 10),
        (["Victim@customer.example", "victim@CUSTOMER.example"] * 15, 10),
        (strangers(150), 100),
    ],
    ids=["a day's work", "one domain", "one address", "one address in other spellings", "strangers"],
)
@pytest.mark.postgresql
def test_08_of_one_persons_mails_so_many_leave_in_a_day(
    person: User, now: datetime, recipients: list[str], most: int
) -> None:
    assert let(person, now, recipients, tenant=None) == most
    assert let(person, now + timedelta(hours=23), recipients[:1], tenant=None) == int(most == 40)
    assert let(person, now + timedelta(hours=25), recipients[:1], tenant=None) == 1


@pytest.mark.postgresql
def test_08_the_contacts_of_four_hundred_tenants_are_asked_in_a_day(person: User, rows: Rows, now: datetime) -> None:
    asked = 0
    for number in range(400):
        tenant = rows.tenant(f"Customer {number}", [f"admin@customer{number}.example"])
        asked += let(person, now, [f"admin@customer{number}.example"], tenant=tenant.pk)
    assert asked == 400


@pytest.mark.postgresql
def test_08_many_people_of_a_tenant_share_its_limit(db: None, now: datetime) -> None:
    people = [User.objects.create(email=f"{number}@customer.example") for number in range(5)]
    total = sum(let(one, now, [f"{one.pk}-{number}@d{number}.example" for number in range(40)]) for one in people)
    assert total == mail_limits.TENANT.most


@pytest.mark.postgresql
def test_08_what_is_refused_is_taken_from_no_limit(person: User, now: datetime) -> None:
    let(person, now, ["victim@customer.example"] * 30)
    assert sorted(ThrottleCounter.objects.values_list("count", flat=True)) == [10] * 6


# Words


@pytest.mark.control(78)
@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("Ada Lovelace", "Ada Lovelace"),
        ("Dr. Ada O’Hara-Núñez", "Dr. Ada O’Hara-Núñez"),
        ("Müller & Söhne (Zürich), Inc.", "Müller & Söhne (Zürich), Inc."),
        ("山田太郎", "山田太郎"),
        ("+41 44 123 45 67", "+41 44 123 45 67"),
        ("https://evil.example/x?y=z", "https evil example x y z"),
        ("hxxp://evil[.]example", "hxxp evil example"),
        ("evil.example", "evil example"),
        ("www.evil.example", "www evil example"),
        ("evil\u200b.\u2060example", "evil example"),
        (
            "evil．example evil。example evil｡example evil․example",
            "evil example evil example evil example evil example",
        ),
        ("ada@evil.example", "ada evil example"),
        ("ada＠evil.example", "ada evil example"),
        ("10.0.0.1", "10 0 0 1"),
        ("mailto:ada", "mailto ada"),
        ("\\\\evil\\share", "evil share"),
        ("Ada” <b>bold</b> “", "Ada b bold b"),
        ("one\r\nBcc: victim@x.example\n\ntwo", "one Bcc victim x example two"),
        ("\u202egnp.exe", "gnp exe"),
        ("a" * 100, "a" * 59 + "…"),
        ("Z" + "\u0301" * 40, "Ź\u0301\u0301"),
        ("...", "…"),
        ("", "…"),
    ],
)
def test_08_a_name_is_one_line_without_anything_to_click_on(name: str, left: str) -> None:
    assert safe_names.clean(name) == left
