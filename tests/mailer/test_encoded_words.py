"""Encoded words in headers: at most 75 characters, whole characters, lines of 76 or 78, and the text as it was."""

from __future__ import annotations

import base64
import quopri
import re
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailer.message import Attachment, Message

SENDER = "alarms@northpark.example"
PLAIN = Message(
    subject="",
    text="At 04:12\n",
    to=("oncall@northpark.example",),
    message_id="<3@northpark.example>",
    date=datetime(2026, 11, 23, 4, 12, tzinfo=UTC),
)
ENCODED_WORD = re.compile(rb"=\?utf-8\?([bq])\?([!->@-~]*)\?=")
SUBJECTS = (
    "Le secret client « Passerelle d’alarme » de « Société Générale des Eaux » expire le 31 décembre 2027",
    "テナント「北公園株式会社」のクライアント シークレットの有効期限が近づいています",
    "🚨🚨🚨 Pumpe 3 🚨🚨🚨 " * 6,
    "👩‍👩‍👧‍👦" * 20,
    "é" * 256,
    "é" + "x" * 256,
    "x" * 256,
    "x" * 76 + " é",
    "e\u0301" * 80,
    "한국어로 된 매우 긴 애플리케이션 등록 이름" * 5,
    "Сертификат «Шлюз сигнализации» истекает через 7 дней" * 3,
    "النص من اليمين إلى اليسار" * 6,
    "a é b " * 60 + "c",
    "word " * 40 + "end",
    "two  spaces   stay",
    "=?utf-8?q?not_encoded?= as the text says",
    "50 % = half? _under_score",
    "a " + "b" * 78,
    "https://alertadmin.example/credentials/" + "0" * 60 + "/?next=é",
    "",
)
TEXTS = st.text(
    st.one_of(st.sampled_from("aé€日😀\u0301=?_ .-"), st.characters(exclude_categories=["C", "Zl", "Zp"])), max_size=260
).map(str.strip)


def check(subject: str, sender: str = SENDER) -> None:
    raw = replace(PLAIN, subject=subject, headers={"X-Alertadmin-Reason": subject}).as_bytes(sender)
    head = raw.partition(b"\r\n\r\n")[0]
    for line in head.split(b"\r\n"):
        words = list(ENCODED_WORD.finditer(line))
        assert len(line) <= (76 if words else 78), line
        for word in words:
            assert len(word[0]) <= 75, word[0]
            data = word[2]
            base64.b64decode(data).decode() if word[1] == b"b" else quopri.decodestring(data, header=True).decode()
    read = message_from_bytes(raw, policy=policy.default)
    assert (read["Subject"], read["X-Alertadmin-Reason"]) == (subject, subject)
    assert raw.count(b"\r\nSubject:") == 1


@pytest.mark.parametrize("subject", SUBJECTS)
def test_subjects(subject: str) -> None:
    check(subject.strip())
    check(subject.strip(), "jörg@northpark.example")


@settings(max_examples=200, deadline=None)
@given(TEXTS)
@example("=?utf-8?b?xx?=")
@example(" ".join("é" * 40))
def test_any_text(subject: str) -> None:
    check(subject)


def test_name_of_an_attachment() -> None:
    name = "Échéance « très longue » 😀" * 9 + ".ics"
    raw = replace(PLAIN, attachments=(Attachment(name, "text/calendar", b"x"),)).as_bytes(SENDER)
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    [part] = message_from_bytes(raw, policy=policy.default).iter_attachments()
    assert part.get_filename() == name
