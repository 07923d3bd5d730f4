"""Every input that takes an e-mail address reads it in every usual spelling, to the same stored value, or refuses it in
the same words. The inputs are found in the program, so that a new one is held to the same."""

from __future__ import annotations

import json

import pytest
from django import forms
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from alertadmin.accounts.email_address import clean_stored, error_in
from alertadmin.accounts.models import Invitation, User
from alertadmin.accounts.roles import Role
from alertadmin.accounts.services import invitations
from alertadmin.outbox.delivery.connections import relay_from, relay_from_error
from alertadmin.registry.models import Mailbox
from alertadmin.registry.registration import set_contacts
from mailer.email_address import canonical, parse
from mailer.pasted_address import canonical_pasted, parse_pasted
from tests.accounts.address_inputs import (
    ADA,
    ARGUMENTS,
    OTHERS,
    READ,
    REFUSED,
    SEVERAL,
    Read,
    column_inputs,
    command_inputs,
    form_inputs,
    model_inputs,
    setting_inputs,
)
from tests.conftest import set_environment
from tests.factories import Rows

INPUTS = dict([*form_inputs(), *column_inputs(), *model_inputs()])
LISTS = {name for name, read in INPUTS.items() if isinstance(read(ADA), list)}


def test_inputs_are_found() -> None:
    """As many as there were; a new setting or argument is added to the table that plays it."""
    assert len(INPUTS) >= 28
    assert {"SignInForm.username", "InviteForm.address", "TenantForm.contacts", "column mailbox"} <= set(INPUTS)
    assert len(LISTS) >= 6
    assert command_inputs() == ARGUMENTS
    assert setting_inputs() == {"SMTP_FROM"}


def one(found: str | list[str]) -> str:
    if isinstance(found, list):
        [found] = found
    return canonical(found)


@pytest.mark.parametrize("read", INPUTS.values(), ids=INPUTS)
def test_spellings_are_read_as_one_address(read: Read) -> None:
    assert {name: one(read(text)) for name, text in READ.items()} == dict.fromkeys(READ, ADA)
    assert {name: one(read(text)) for name, (text, _stored) in OTHERS.items()} == {
        name: stored for name, (_text, stored) in OTHERS.items()
    }


@pytest.mark.parametrize("name", INPUTS)
def test_other_texts_are_refused_in_the_same_words(name: str) -> None:
    if name == "SignInForm.username":  # it says the same of every name without an account
        assert all(canonical_pasted(text) != ADA for text, _words in REFUSED.values())
        return
    for text, words in REFUSED.values():
        with pytest.raises(forms.ValidationError) as refused:
            INPUTS[name](text)
        assert words in " ".join(refused.value.messages)
        assert words in error_in(text)


@pytest.mark.parametrize("name", sorted(set(INPUTS) - {"SignInForm.username"}))
def test_several_addresses_are_a_list_or_refused(name: str) -> None:
    for text in SEVERAL.values():
        if name in LISTS:
            assert [canonical(address) for address in INPUTS[name](text)] == [ADA, "bo@kunde.example"]
        else:
            with pytest.raises(forms.ValidationError, match="several addresses"):
                INPUTS[name](text)


@pytest.mark.parametrize("text", READ.values(), ids=READ)
def test_sender_of_the_relay_is_read_in_every_spelling(settings: Settings, text: str) -> None:
    set_environment(settings, SMTP_FROM=text)
    assert (canonical(relay_from()), relay_from_error()) == (ADA, "")


@pytest.mark.parametrize("name", sorted(set(REFUSED) - {"no domain", "IP address"}))
def test_sender_of_the_relay_is_refused_in_the_same_words(settings: Settings, name: str) -> None:
    text, words = REFUSED[name]
    set_environment(settings, SMTP_FROM=text)
    assert (words in relay_from_error(), relay_from()) == (True, "")


@pytest.mark.parametrize("text", ["alerts@relay", "alerts@[192.0.2.1]"])
def test_internal_relay_may_take_a_sender_without_a_domain(settings: Settings, text: str) -> None:
    set_environment(settings, SMTP_FROM=text)
    assert (relay_from(), relay_from_error()) == (text, "")


@pytest.mark.django_db
@pytest.mark.postgresql
def test_database_knows_the_address_by_every_spelling(rows: Rows) -> None:
    app = rows.app()
    ada = User.objects.create_user(f"Ada <{ADA}>")
    assert ada.email == ADA
    mailbox = Mailbox(app=app, tenant=app.tenant, address="Ada@Kunde.example")
    mailbox.full_clean()
    mailbox.save()
    for text in READ.values():
        assert User.objects.by_address(text) == ada
        assert invitations.account_of(invitations.invite(text, {None: Role.VIEWER}, by=None, now=timezone.now())) == ada
        with pytest.raises(IntegrityError), transaction.atomic():
            User.objects.create_user(text)
        with pytest.raises(forms.ValidationError, match="already"):
            Mailbox(app=app, tenant=app.tenant, address=clean_stored(text)).full_clean()
    set_contacts(app.tenant, READ.values())
    assert [canonical(email) for email in app.tenant.contacts.values_list("email", flat=True)] == [ADA]
    assert set(map(canonical, Invitation.objects.values_list("address", flat=True))) == {ADA}


def error_of(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    with pytest.raises(SystemExit):
        call_command(*command, "--json")
    return str(json.loads(capsys.readouterr().out)["error"])


@pytest.mark.django_db
def test_commands_read_the_same_spellings(rows: Rows, capsys: pytest.CaptureFixture[str]) -> None:
    app = rows.app()
    User.objects.create_user(ADA, "a horse, a battery")
    Mailbox.objects.create(app=app, tenant=app.tenant, address=ADA)
    for text in READ.values():
        for command in ("sign_in_link", "reset_second_factor", "invite"):
            call_command(command, text, "--json")
            assert json.loads(capsys.readouterr().out)["ok"]
        assert error_of(capsys, "send_test", text, "--to", "nonsense").startswith("“nonsense”: This is not")
    for text, words in [*REFUSED.values(), *((text, "several addresses") for text in SEVERAL.values())]:
        for command in ("sign_in_link", "reset_second_factor", "invite"):
            assert words in error_of(capsys, command, text)
        assert words in error_of(capsys, "send_test", text, "--to", ADA)
        assert words in error_of(capsys, "send_test", ADA, "--to", text)


AROUND = st.sampled_from(
    ["{}", " {}\u200b", "Ada <{}>", '"Ada, B." <{}>', "mailto:{}", "smtp:{}", "{};", "<{}>", "'{}'"]
)


@given(st.from_regex(r"[a-z0-9!#$&'*+/=?^_`{|}~-]{1,12}@[a-z]{1,9}\.example", fullmatch=True), AROUND)
def test_valid_address_is_found_as_it_is_in_whatever_is_around_it(address: str, around: str) -> None:
    if around == "mailto:{}" and set(address) & set("?&=|"):
        return  # written with escapes there
    assert parse_pasted(around.format(address)) == parse(address)
