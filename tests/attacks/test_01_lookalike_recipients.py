"""1: look-alike addresses of contacts, mailboxes, recipients and consent administrators, in every form and command
that takes one: one never gets another's mail, and spellings of the same address are one address."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, models, transaction
from django.test import Client
from django.urls import reverse

from alertadmin.accounts.models import User
from alertadmin.dashboard.ui.email_list_field import read_addresses
from alertadmin.outbox.mails import composers, consent_request
from alertadmin.outbox.models import ConsentRequest, Delivery, Purpose
from alertadmin.outbox.send_test import test_limits
from alertadmin.registry.consent.required_consents import sync_required_consents
from alertadmin.registry.models import AppRegistration, Contact, Mailbox, Tenant
from alertadmin.registry.registration import set_contacts
from alertadmin.reminders import recipients
from alertadmin.reminders.models import Recipient
from alertadmin.reminders.scan import scanner
from tests.attacks.lookalike_addresses import DOUBLES, HONEST, MALFORMED, ODD_SPELLINGS, VICTIM
from tests.conftest import NOW
from tests.factories import Rows
from tests.helpers.login import signed_in_at
from tests.registry.csv_import.csv_files import imported, refusal, row, written

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql, pytest.mark.control(70)]

OWN = HONEST | ODD_SPELLINGS
WITHOUT_SEPARATORS = {name: text for name, text in MALFORMED.items() if "," not in text and name != "a header more"}
WITHOUT_SURROGATE = {name: text for name, text in MALFORMED.items() if "\ud800" not in text}
NO_CSV = {"zero byte", "half a surrogate pair"}


@pytest.fixture
def inside(client: Client, administrator: User) -> Client:
    return signed_in_at(client, administrator)


@pytest.fixture
def app(rows: Rows) -> AppRegistration:
    app = rows.app(rows.tenant(contacts=[VICTIM]), permissions=["Mail.Send"])
    sync_required_consents([app])
    return app


def ending(rows: Rows, name: str, contact: str) -> Tenant:
    tenant = rows.tenant(name, [contact])
    rows.credential(rows.app(tenant, f"App of {name}"), days=20)
    return tenant


def test_a_reminder_goes_to_nobody_s_double_and_tells_of_nobody_else_s_tenant(rows: Rows) -> None:
    ending(rows, "Own", VICTIM)
    for name, address in DOUBLES.items():
        ending(rows, f"Foreign: {name}", address)
    scanner.run(NOW)
    deliveries = list(Delivery.objects.filter(purpose=Purpose.REMINDER))
    assert len(deliveries) == 1 + len(DOUBLES)
    for delivery in deliveries:
        words = composers.compose(delivery, NOW)
        assert isinstance(words, composers.Content)
        assert ("App of Own" in words.text) == (delivery.recipient == VICTIM)
        assert words.text.count("App of ") == 1


def test_a_contact_of_many_tenants_gets_one_mail_however_it_is_spelt(rows: Rows) -> None:
    for name, address in HONEST.items():
        ending(rows, name, address)
    scanner.run(NOW)
    [delivery] = Delivery.objects.filter(purpose=Purpose.REMINDER)
    assert delivery.recipient == VICTIM
    words = composers.compose(delivery, NOW)
    assert isinstance(words, composers.Content)
    assert words.text.count("App of ") == len(HONEST)


@pytest.mark.parametrize("address", DOUBLES.values(), ids=DOUBLES)
def test_what_concerns_one_does_not_concern_a_double(rows: Rows, address: str) -> None:
    tenant = ending(rows, "Own", VICTIM)
    Recipient.objects.create(email=VICTIM)
    scanner.run(NOW)
    apps = AppRegistration.objects.filter(tenant=tenant).annotate(app=models.F("pk"))
    assert apps.filter(recipients.is_concerned(VICTIM.upper())).exists()
    assert not apps.filter(recipients.is_concerned(address)).exists()
    [delivery] = Delivery.objects.filter(purpose=Purpose.REMINDER)
    delivery.recipient = address
    assert isinstance(composers.compose(delivery, NOW), composers.Obsolete)


def test_contacts_are_held_apart_by_their_mailbox(rows: Rows) -> None:
    tenant = rows.tenant()
    set_contacts(tenant, [*OWN.values(), *DOUBLES.values()])
    assert tenant.contacts.count() == 1 + len(DOUBLES)
    for spelling in OWN.values():
        with pytest.raises(IntegrityError), transaction.atomic():
            Contact.objects.bulk_create([Contact(tenant=tenant, email=spelling)])


SEVERAL = ("with a name and an address more", "mailto with a copy")
"""Two addresses: refused where one is asked for. A list takes both, and the page shows both."""


@pytest.mark.parametrize("name", [name for name in WITHOUT_SEPARATORS if name not in SEVERAL])
def test_no_field_of_several_addresses_takes_what_is_none(name: str) -> None:
    with pytest.raises(ValidationError):
        read_addresses(f"{VICTIM}\n{WITHOUT_SEPARATORS[name]}")


@pytest.mark.parametrize("name", SEVERAL)
def test_a_field_of_several_addresses_takes_every_address_within(name: str) -> None:
    taken = read_addresses(f"first@example.com\n{WITHOUT_SEPARATORS[name]}")
    assert {one.stored for one in taken} == {"first@example.com", VICTIM, "eve@evil.example"}


def test_a_field_of_several_addresses_takes_each_mailbox_once() -> None:
    typed = "\n".join([*OWN.values(), *DOUBLES.values()])
    assert len(read_addresses(typed)) == 1 + len(DOUBLES)


def places(app: AppRegistration) -> list[dict[str, Any]]:
    return [{"tenant": app.tenant}, {"app": app}, {}]


def test_people_to_notify_are_held_apart_by_their_mailbox(app: AppRegistration) -> None:
    for place in places(app):
        Recipient.objects.bulk_create(Recipient(email=one, **place) for one in (VICTIM, *DOUBLES.values()))
        for spelling in OWN.values():
            with pytest.raises(IntegrityError), transaction.atomic():
                Recipient.objects.create(email=spelling, **place)


def test_mailboxes_are_held_apart_by_their_address(app: AppRegistration) -> None:
    on_premises: dict[str, Any] = {"tenant": app.tenant, "server": "plant", "transport": "ews"}
    for place in ({"tenant": app.tenant, "app": app}, on_premises):
        Mailbox.objects.bulk_create(Mailbox(address=one, **place) for one in (VICTIM, *DOUBLES.values()))
        for spelling in OWN.values():
            with pytest.raises(IntegrityError), transaction.atomic():
                Mailbox.objects.create(address=spelling, **place)


def test_a_form_says_that_a_mailbox_is_registered_already(app: AppRegistration) -> None:
    Mailbox.objects.create(tenant=app.tenant, app=app, address=VICTIM)
    for spelling in OWN.values():
        with pytest.raises(ValidationError, match="already registered with this app"):
            Mailbox(tenant=app.tenant, app=app, address=spelling).full_clean()
    for typed in MALFORMED.values():
        with pytest.raises(ValidationError):
            Mailbox(tenant=app.tenant, app=app, address=typed).full_clean()


def test_nobody_is_asked_twice_by_another_spelling_nor_left_unasked_for_a_double(
    app: AppRegistration, administrator: User
) -> None:
    consent_request.request_consent(app, app.tenant, VICTIM, by=administrator, now=NOW)
    for spelling in OWN.values():
        with pytest.raises(consent_request.AlreadyRequested):
            consent_request.request_consent(app, app.tenant, spelling, by=administrator, now=NOW + timedelta(hours=1))
    for double in DOUBLES.values():
        asked = consent_request.request_consent(app, app.tenant, double, by=administrator, now=NOW)
        assert asked.delivery is not None
        assert asked.delivery.recipient == double
    assert ConsentRequest.objects.count() == 1 + len(DOUBLES)


@pytest.mark.parametrize("typed", WITHOUT_SURROGATE.values(), ids=WITHOUT_SURROGATE)
def test_no_page_takes_what_is_no_address(app: AppRegistration, inside: Client, typed: str) -> None:
    mailbox = Mailbox.objects.create(tenant=app.tenant, app=app, address="alarms@northpark.example")
    consent = app.consents.get()
    for url, name in (
        (reverse("consent-request", args=[consent.pk]), "recipient"),
        (reverse("test-send", args=[mailbox.pk]), "recipient"),
        (reverse("mailbox-scope", args=[mailbox.pk]), "other"),
    ):
        assert inside.post(url, {name: typed, "transport": "graph"}).status_code in (200, 302, 422), url
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("typed", (DOUBLES | MALFORMED).values(), ids=DOUBLES | MALFORMED)
def test_a_command_takes_no_double_for_a_mailbox_and_sends_to_no_malformed_address(
    app: AppRegistration, typed: str
) -> None:
    Mailbox.objects.create(tenant=app.tenant, app=app, address=VICTIM)
    with pytest.raises((SystemExit, CommandError)):
        call_command("send_test", typed, "--to", VICTIM)
    if typed in MALFORMED.values():
        with pytest.raises((SystemExit, CommandError)):
            call_command("send_test", VICTIM, "--to", typed)
    assert not Delivery.objects.exists()


def test_a_file_names_each_mailbox_once_however_it_is_spelt() -> None:
    spellings = [spelling for name, spelling in OWN.items() if name != "a line break behind"]
    imported(row(contact_emails=";".join([*spellings, *DOUBLES.values()]), mailbox=VICTIM))
    assert Contact.objects.count() == 1 + len(DOUBLES)
    for spelling in spellings:
        imported(row(mailbox=spelling))
    assert Mailbox.objects.count() == 1
    for number, double in enumerate(DOUBLES.values(), 2):
        imported(row(mailbox=double))
        assert Mailbox.objects.count() == number


@pytest.mark.parametrize("name", [name for name in WITHOUT_SEPARATORS if name not in NO_CSV])
def test_a_file_holds_no_malformed_address(name: str) -> None:
    typed = WITHOUT_SEPARATORS[name]
    assert [one.column for one in refusal(written(row(mailbox=typed))).mistakes] == ["mailbox"]
    if name not in SEVERAL:
        assert [one.column for one in refusal(written(row(contact_emails=typed))).mistakes] == ["contact_emails"]


def test_tests_to_one_domain_are_counted_in_whichever_form_it_is_written(administrator: User, settings: Any) -> None:
    settings.TESTS_PER_HOUR = 1
    now = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
    people = [User.objects.create(email=f"p{number}@northpark.example") for number in range(5)]
    spellings = ["a@straße.example", "b@xn--strae-oqa.example", "c@STRAẞE.example", "d@STRAßE.EXAMPLE"]
    for person, address in zip(people, spellings, strict=False):
        test_limits.count_test(person, person.pk, address, now)  # type: ignore[arg-type]
    with pytest.raises(test_limits.TooManyTests):
        test_limits.count_test(people[4], people[4].pk, "e@straße.example", now)  # type: ignore[arg-type]
    test_limits.count_test(administrator, administrator.pk, "e@strasse.example", now)  # type: ignore[arg-type]
