"""Texts of ours are stored as codes with parameters, and worded in the reader's language."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import translation
from django.utils.translation import gettext
from hypothesis import given
from hypothesis import strategies as st

from alertadmin.outbox import messages as outbox_messages
from alertadmin.outbox import worker
from alertadmin.outbox.models import Attempt, Delivery, DeliveryState
from alertadmin.outbox.send_test import test_send
from alertadmin.registry import messages as registry_messages
from alertadmin.registry.credentials.app_identity import SecretUnavailable
from alertadmin.reminders import messages as reminder_messages
from alertadmin.reminders.scan import scanner
from alertadmin.stored_messages import render_error, render_stored
from mailer.coded_text import CodedText, define, defined, english, is_coded, message_of, parse
from mailer.http.wire_errors import sanitize
from sandbox import Sandbox
from tests.conftest import NOW
from tests.factories import Rows

VALUES = st.text('abcdefghijklmnopqrstuvwxyzéàABC0123456789@_/-"{}%', min_size=1)
CODES = sorted(defined())
APPS = ("outbox", "registry", "reminders", "monitoring", "crypto", "bulk")


@given(text=st.sampled_from(CODES), data=st.data())
def test_a_stored_text_is_worded_in_french_with_its_own_parameters(text: CodedText, data: st.DataObject) -> None:
    values = {name: data.draw(VALUES, name) for name in re.findall(r"%\((\w+)\)s", text.template)}
    stored = str.__str__(text % values)
    assert english(stored) == (text.template % values if values else text.template)
    with translation.override("fr"):
        french = gettext(text.template)
        assert french != text.template
        assert render_stored(stored) == (french % values if values else french)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "AADSTS7000222: expired",
        "550 5.1.1 User unknown",
        "100 % (not ours)",
        '{"error": "invalid_client"}',
        '{"code": "outbox.unheard_of"}',
        '{"code": "outbox.unexpected"}',
        '{"code": "outbox.unexpected", "params": {"more": "x"}}',
        '{"code": "outbox.unexpected", "params": ["x"]}',
        '{"code": 1}',
        '{"code": "outbox.no_route"',
    ],
)
def test_other_words_are_shown_as_they_are(french: None, words: str) -> None:
    assert render_stored(words) == english(words) == words


def test_a_server_cannot_answer_with_a_coded_text(french: None) -> None:
    said = sanitize(str.__str__(outbox_messages.SEND_NOW))
    assert parse(said) is None
    assert render_stored(said) == said


def test_every_code_is_of_its_module_and_defined_once() -> None:
    modules = {app: import_module(f"alertadmin.{app}.messages") for app in APPS}
    modules["mailer"] = import_module("mailer.messages")
    named = [
        (text.code, f"{app}.{name.lower()}")
        for app, module in modules.items()
        for name, text in vars(module).items()
        if isinstance(text, CodedText)
    ]
    assert [code for code, name in named if code != name] == []
    assert sorted(code for code, _name in named) == sorted(text.code for text in CODES)
    with pytest.raises(ValueError, match="is taken"):
        define("outbox.no_route", "Another text.")


def test_an_error_is_english_in_a_log_and_keeps_its_code_for_a_row(french: None) -> None:
    error = SecretUnavailable(registry_messages.NO_SECRET % {"app": "ALERT"})
    assert str(error) == '"ALERT" has no secret in use. Add one on its page.'
    assert is_coded(message_of(error), registry_messages.NO_SECRET)
    assert render_error(error).startswith("«\u00a0ALERT\u00a0» n’a aucun secret")


def test_steps_of_a_test_are_english_for_programs_and_french_on_pages(
    french: None, sandbox: Sandbox, rows: Rows
) -> None:
    site = rows.site(sandbox, granted=())
    answer = _json("send_test", site.mailbox.address, "--to", "me@example.com")
    details = {step["step"]: step["detail"] for step in answer["steps"]}
    assert details["token"].startswith("valid until")
    assert details["permission"] == "Mail.Send is not in the token"
    stored = {step["step"]: step["detail"] for step in Attempt.objects.get().steps}
    assert render_stored(stored["token"]).startswith("valable jusqu’à")
    assert render_stored(stored["permission"]) == "Mail.Send n’est pas dans le jeton"


def test_why_a_delivery_failed_is_stored_as_a_code_whatever_the_language_of_its_sender(
    french: None, sandbox: Sandbox, rows: Rows
) -> None:
    site = rows.site(sandbox)
    site.credential.delete()
    test_send.create(site.mailbox, "me@example.com", now=NOW)
    worker.deliver_due(clock=lambda: NOW)
    reason = Delivery.objects.get().reason
    assert reason == registry_messages.NO_SECRET % {"app": "ALERT"}
    assert render_stored(reason) == "«\u00a0ALERT\u00a0» n’a aucun secret en service. Ajoutez-en un sur sa page."


def test_why_a_reminder_was_not_sent_is_told_in_french(french: None, rows: Rows) -> None:
    credential = rows.credential(rows.app(rows.tenant(contacts=["duty@example.com"])), days=3)
    scanner.run(NOW)
    credential.delete()
    worker.deliver_due(clock=lambda: NOW)
    delivery = Delivery.objects.get()
    assert delivery.state == DeliveryState.CANCELLED
    assert delivery.reason == reminder_messages.NOTHING_LEFT
    assert render_stored(delivery.reason).startswith("Tout ce qu’il contenait")


def test_a_command_tells_programs_in_english_and_people_in_the_installation_s_language(french: None, db: None) -> None:
    assert _json("check_consent", "--tenant", "nowhere")["error"].startswith("This is not an ID")
    told = StringIO()
    with pytest.raises(SystemExit):
        call_command("check_consent", "--tenant", "nowhere", stderr=told)
    assert told.getvalue().startswith("Ceci n’est pas un ID")


def test_a_mistake_of_a_file_is_told_in_french_with_its_place(french: None, db: None, tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    file.write_text("client_id,colour\n", encoding="utf-8")
    told = StringIO()
    with pytest.raises(SystemExit):
        call_command("import_registrations", str(file), stderr=told)
    first, second = told.getvalue().replace("\u00a0", " ").splitlines()
    assert first == "Rien n’a été importé."
    assert second.startswith("ligne 1 : La colonne directory_id manque. Si toutes les lignes ")


def _json(*command: str) -> dict[str, Any]:
    out = StringIO()
    with suppress(SystemExit):
        call_command(*command, "--json", stdout=out)
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer
