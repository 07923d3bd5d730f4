"""Texts of any encoding and size are normalized in bounded time."""

from __future__ import annotations

import base64
import html
import json
import quopri
import time
from urllib.parse import quote_plus

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailer.diagnosis import SLUGS, diagnose, from_text
from mailer.diagnosis.identifiers import find_identifiers
from mailer.diagnosis.normalization import MAX_LENGTH, truncate
from tests.mailer.diagnosis.speed import PIECES

EXPIRED = "AADSTS7000222: The provided client secret keys for app 'x' are expired. Visit the portal."
COATS = {
    "bare": EXPIRED,
    "upper case": EXPIRED.upper(),
    "cut after the number": EXPIRED[:14],
    "cut before the number": EXPIRED[14:50],
    "JSON": json.dumps({"error_description": EXPIRED + "\r\nTrace ID"}),
    "JSON in JSON": json.dumps(json.dumps({"error": json.dumps({"d": "e\n" + EXPIRED})})),
    "HTML": f"<p>{html.escape(EXPIRED)}</p>".replace(" ", "&nbsp;"),
    "HTML with breaks": "AADSTS7000222:<br/>The provided<b> client</b> secret keys",
    "quoted-printable": quopri.encodestring(("Größe = 3; " * 8 + EXPIRED).encode()).decode(),
    "query": "https://x/?error=invalid_client&error_description=" + quote_plus(EXPIRED),
    "quoted mail": "\n".join("> > " + word for word in EXPIRED.split()),
    "log": "\n".join(f"2026-11-23T05:35:00.123Z {word}" for word in EXPIRED.split()),
    "zero width": "\u200b".join(EXPIRED),
    "wrapped in the number": EXPIRED.replace("7000222", "7000\n222"),
    "wrapped in words": EXPIRED[15:].replace("secret", "sec\nret").replace("provided", "prov\n  ided"),
    "PowerShell": "At line:1 char:1\n+ " + EXPIRED.replace(" ", "\n+ "),
    "Python bytes": repr(EXPIRED.encode()),
}


@pytest.mark.parametrize("text", COATS.values(), ids=COATS)
def test_every_encoding_is_removed(text: str) -> None:
    assert from_text(text) == "secret_expired"


def test_bytes_are_decoded_as_utf8_or_utf16() -> None:
    assert from_text(EXPIRED.encode()) == "secret_expired"
    assert from_text(EXPIRED.encode("utf-16")) == "secret_expired"
    assert from_text(b"\xff\xfe\x00" + base64.b64decode("gICA")) is None


@pytest.mark.parametrize("number", ["70OO222", "7OOO222:", " 7000222", "S0126", "5O126"])
def test_number_from_text_recognition_is_corrected(number: str) -> None:
    known = {"7": "secret_expired", "5": "user_sign_in_needed", "S": None}
    assert from_text(f"AADSTS{number} went wrong") == known[number.strip()[0]]


def test_mojibake_is_repaired() -> None:
    said = "Impossible d'établir une relation de confiance pour le canal sécurisé SSL/TLS"
    assert from_text(said.encode().decode("cp1252")) == from_text(said) == "tls"
    assert from_text("L’hôte est inconnu: hôte inconnu".encode().decode("cp1252")) == "network"


def test_a_short_name_is_not_found_across_words() -> None:
    """ "ENOTFOUND" is node's error for an unknown host."""
    assert from_text("getaddrinfo: no.\nError: ENOTFOUND") == "network"
    assert from_text("the segment was a source not found here") is None


def test_multiline_smtp_replies_are_joined() -> None:
    assert from_text("550-5.1.1 The message is larger than\r\n550-5.1.1 the current system\r\n550 5.1.1 limit") == (
        "message_too_large"
    )


def test_the_cause_at_the_end_of_a_huge_log_is_found() -> None:
    assert from_text("all is well\n" * 200_000 + EXPIRED) == "secret_expired"


BETWEEN = "2026-11-23 05:35:00 pump 3 of station 17 runs, nothing to tell\n" * 3_000


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (EXPIRED, "secret_expired"),
        ('{"error":{"code":"ErrorSendAsDenied"}}', "send_as_denied"),
        ("535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled", "smtp_auth_disabled"),
        ("SSLError(certificate verify failed)", "tls"),
    ],
)
def test_a_code_in_the_middle_of_a_huge_log_is_found(text: str, cause: str) -> None:
    assert from_text(BETWEEN + text + "\n" + BETWEEN) == cause


@given(st.integers(0, 3 * MAX_LENGTH), st.sampled_from("a .5E\n"))
@settings(max_examples=30, deadline=None)
def test_truncated_text_keeps_both_ends(length: int, letter: str) -> None:
    text = f"first{letter * length}last"
    read = truncate(text)
    assert len(read) <= MAX_LENGTH + length // 100 + 200
    assert read.startswith("first")
    assert read.endswith("last")


@pytest.mark.parametrize("piece", PIECES)
def test_time_for_a_large_text_is_bounded(piece: str) -> None:
    """Tens of milliseconds where nothing else runs (`speed` shows them): the time of this process, with much room."""
    text = piece * (1_000_000 // len(piece))
    begun = time.process_time()
    diagnose(text)
    find_identifiers(text)
    assert time.process_time() - begun < 3


@given(st.one_of(st.text(max_size=4000), st.binary(max_size=4000)))
@example("")
@example("\\ud800\\u0000 AADSTS")
@example("AADSTS99999999999999999999 error_codes: [")
@settings(max_examples=150, deadline=None)
def test_any_text_gets_a_diagnosis_and_never_an_error(text: str | bytes) -> None:
    said = diagnose(text)
    assert said.slug in SLUGS
    json.dumps(said.as_dict())


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=300))
@settings(max_examples=50, deadline=None)
def test_number_is_found_in_any_noise(noise: str) -> None:
    assert diagnose(f"{noise}\n\nAADSTS53003: blocked\n\n").slug in {"conditional_access", diagnose(noise).slug}
