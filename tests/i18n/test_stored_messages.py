"""What is stored in English is shown in the reader's language."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import translation
from django.utils.translation import gettext
from hypothesis import given
from hypothesis import strategies as st

from alertadmin.outbox import worker
from alertadmin.outbox.models import Delivery, DeliveryState
from alertadmin.outbox.send_test import test_send
from alertadmin.reminders.scan import scanner
from alertadmin.stored_messages import render_stored, sentences
from sandbox import Sandbox
from tests.conftest import NOW
from tests.factories import Rows

SENTENCES = sorted(sentences())
VALUES = st.text("abcdefghijklmnopqrstuvwxyzéàABC0123456789@_/-", min_size=1)


@given(sentence=st.sampled_from(SENTENCES), data=st.data())
def test_a_stored_sentence_is_told_in_french_with_its_own_values(sentence: str, data: st.DataObject) -> None:
    values = {name: data.draw(VALUES, name) for name in re.findall(r"%\((\w+)\)s", sentence)}
    stored = sentence % values if values else sentence
    assert render_stored(stored) == stored
    with translation.override("fr"):
        french = gettext(sentence)
        assert french != sentence
        assert render_stored(stored) == (french % values if values else french)


@pytest.mark.parametrize("words", ["", "AADSTS7000222: expired", "550 5.1.1 User unknown", "100 % (not ours)"])
def test_the_words_of_others_are_told_as_they_are(french: None, words: str) -> None:
    assert render_stored(words) == words


def test_the_steps_of_a_test_are_stored_in_english_and_told_in_french(
    french: None, sandbox: Sandbox, rows: Rows
) -> None:
    site = rows.site(sandbox, granted=())
    answer = _json("send_test", site.mailbox.address, "--to", "me@example.com")
    details = {step["step"]: step["detail"] for step in answer["steps"]}
    assert details["token"].startswith("valid until")
    assert render_stored(details["token"]).startswith("valable jusqu’à")
    assert details["permission"] == "Mail.Send is not in the token"
    assert render_stored(details["permission"]) == "Mail.Send n’est pas dans le jeton"


def test_why_a_delivery_failed_is_stored_in_english_whatever_the_language_of_who_sent_it(
    french: None, sandbox: Sandbox, rows: Rows
) -> None:
    site = rows.site(sandbox)
    site.credential.delete()
    test_send.create(site.mailbox, "me@example.com", now=NOW)
    worker.deliver_due(clock=lambda: NOW)
    reason = Delivery.objects.get().reason
    assert reason == '"ALERT" has no secret in use. Add one on its page.'
    assert render_stored(reason) == "«\u00a0ALERT\u00a0» n’a aucun secret en service. Ajoutez-en un sur sa page."


def test_why_a_reminder_was_not_sent_is_told_in_french(french: None, rows: Rows) -> None:
    credential = rows.credential(rows.app(rows.tenant(contacts=["duty@example.com"])), days=3)
    scanner.run(NOW)
    credential.delete()
    worker.deliver_due(clock=lambda: NOW)
    delivery = Delivery.objects.get()
    assert delivery.state == DeliveryState.CANCELLED
    assert delivery.reason in SENTENCES
    assert render_stored(delivery.reason).startswith("Tout ce qu’il contenait")


def test_a_command_tells_programs_in_english_and_people_in_the_installation_s_language(french: None, db: None) -> None:
    assert _json("check_consent", "--tenant", "nowhere")["error"].startswith("This is not an id")
    told = StringIO()
    with pytest.raises(SystemExit):
        call_command("check_consent", "--tenant", "nowhere", stderr=told)
    assert told.getvalue().startswith("Ceci n’est pas un ID")


def test_a_mistake_of_a_file_is_told_in_french_with_its_place(french: None, db: None, tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    file.write_text("directory_id,colour\n", encoding="utf-8")
    told = StringIO()
    with pytest.raises(SystemExit):
        call_command("import_registrations", str(file), stderr=told)
    first, second = told.getvalue().replace("\u00a0", " ").splitlines()
    assert first == "Rien n’a été importé."
    assert second.startswith("ligne 1 : Colonne inconnue : colour. Les colonnes sont : tenant_name, ")


def _json(*command: str) -> dict[str, Any]:
    out = StringIO()
    with suppress(SystemExit):
        call_command(*command, "--json", stdout=out)
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer
