"""Sanitized error messages, Retry-After, and whether a request was sent."""

from __future__ import annotations

import base64
import logging
import math
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import quote_plus

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.errors import DOUBTFUL, Acceptance, Answer, SendError
from mailer.http import http_session, wire_errors

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
JWT = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwcyJ9.c2lnbmF0dXJl-_x"
SECRET = "abc8Q~DefGhiJklMnoPqrStuVwxYz0123456789.-"
PROOF = base64.b64encode(f"user=a@b.example\x01auth=Bearer {JWT}\x01\x01".encode()).decode()


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        ("0", 0.0),
        ("86400", 86_400.0),
        ("999999999", 86_400.0),
        ("9" * 400, 86_400.0),
        (format_datetime(NOW + timedelta(minutes=2), usegmt=True), 120.0),
        ("Mon, 23 Nov 2026 08:02:00", 120.0),
        (format_datetime(NOW - timedelta(minutes=2), usegmt=True), 0.0),
        (format_datetime(NOW + timedelta(days=400), usegmt=True), 86_400.0),
        ("-5", None),
        ("soon", None),
        ("²", None),
        ("NaN", None),
        ("inf", None),
        ("Mon, 99 Nov 99999 08:02:00 GMT", None),
        ("", None),
        (None, None),
    ],
)  # fmt: skip
def test_retry_after_is_parsed_and_limited_to_a_day(value: str | None, seconds: float | None) -> None:
    assert wire_errors.retry_after(value, NOW) == seconds


@settings(max_examples=300)
@given(value=st.text(max_size=40) | st.from_regex(r"[0-9.eE+-]{1,20}", fullmatch=True))
def test_any_retry_after_is_seconds_or_none(value: str) -> None:
    seconds = wire_errors.retry_after(value, NOW)
    assert seconds is None or (math.isfinite(seconds) and 0 <= seconds <= 86_400)


@pytest.mark.control(58)
@pytest.mark.parametrize(
    "said",
    [
        f"Authorization: Bearer {JWT}",
        f"token {JWT} is over",
        "bearer opaque-token-1234567",
        f'{{"access_token":"{JWT}"}}',
        '{"access_token": "opaque-token-1234567", "token_type": "Bearer"}',
        f"client_id=1&client_secret={SECRET}&grant_type=x",
        f"The secret {SECRET} is wrong",
        "client_secret=an-old-one%3D%3D&x=1",
        f"AUTH XOAUTH2 {PROOF}",
        "Authorization: Basic YWxhcm1zOldpbnRlci0yMDI2LWF0LXRoZS1wbGFudA==",
        "Authorization: NTLM TlRMTVNTUAADAAAAGAAYAIIAAAA=",
        'password: "Winter-2026"',
    ],
)
def test_tokens_and_secrets_are_redacted_anywhere(said: str) -> None:
    told = wire_errors.sanitize(said)
    assert "[hidden]" in told
    for secret in (JWT, SECRET, PROOF, "opaque-token", "an-old-one", "YWxhcm1z", "TlRMTVNT", "Winter-2026"):
        assert secret not in told


@pytest.mark.parametrize(
    "said",
    [
        "Basic authentication is not supported for Client Submission",
        "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect",
        "The Bearer token is missing",
        "Bearer authentication failed",
        "AADSTS7000215: Invalid client secret provided.",
        "username and password not accepted",
    ],
)
def test_words_about_secrets_are_kept(said: str) -> None:
    assert wire_errors.sanitize(said) == said


@pytest.mark.control(58)
@pytest.mark.parametrize("secret", ["S3cret/with+all=of&it", "ö-Winter 2026", "x"])
@pytest.mark.parametrize("shape", ["{}", "password={}", "you sent {}, which is wrong", '{{"echo": "{}"}}'])
def test_repeated_secret_is_redacted_in_plain_and_encoded_form(secret: str, shape: str) -> None:
    for form in (secret, quote_plus(secret)):
        said = shape.format(form).replace("x", "x" if secret == "x" else "y")
        with wire_errors.redacting(None, "", secret):
            assert secret not in wire_errors.sanitize(said)
            assert form not in wire_errors.sanitize(said)


def test_nested_redacting_adds_and_restores_secrets() -> None:
    with wire_errors.redacting("outer-secret"):
        with wire_errors.redacting("inner-secret"):
            assert wire_errors.sanitize("outer-secret inner-secret") == "[hidden] [hidden]"
        assert wire_errors.sanitize("outer-secret inner-secret") == "[hidden] inner-secret"
    assert wire_errors.sanitize("outer-secret") == "outer-secret"


@pytest.mark.control(54)
@settings(max_examples=200)
@given(text=st.text(st.one_of(st.sampled_from("\r\n\t\0\x1b\u2028\u202e x"), st.characters()), max_size=500))
def test_sanitized_text_is_one_line_of_at_most_300_characters(text: str) -> None:
    told = wire_errors.sanitize(text)
    assert len(told) <= 300
    assert told.isprintable()
    assert len(told.splitlines()) <= 1


def test_secret_at_the_cut_is_redacted() -> None:
    for length in range(200, 300, 7):
        assert SECRET[:12] not in wire_errors.sanitize("x" * length + " " + SECRET)


@pytest.mark.control(56)
def test_sanitizing_ten_million_characters_is_fast() -> None:
    begun = datetime.now(UTC)
    wire_errors.sanitize("Bearer eyJ" * 1_000_000)
    # What grows with the square of the length takes hours.
    assert datetime.now(UTC) - begun < timedelta(seconds=30)


@pytest.mark.parametrize("proof", [Answer.NOT_REACHED, Answer.CUT_BEFORE])
def test_mark_is_found_in_wrapped_exceptions(proof: Answer) -> None:
    mark = OSError("refused")
    with (
        pytest.raises(OSError, match="refused"),
        http_session.marking_errors(Answer.CUT_BEFORE),
        http_session.marking_errors(proof),
    ):
        raise mark
    for wrapped in (mark, requests.ConnectionError(requests.ConnectionError("x", mark)), _raised_from(mark)):
        failure = wire_errors.to_send_error(wrapped, sent=True)
        assert (failure.outcome, failure.answer) == (Acceptance.NOT_SENT, proof)


def test_unmarked_error_is_no_answer() -> None:
    for sent, outcome in ((True, Acceptance.UNKNOWN), (False, Acceptance.NOT_SENT)):
        failure = wire_errors.to_send_error(requests.ConnectionError(OSError("reset")), sent=sent)
        assert (failure.outcome, failure.answer) == (outcome, Answer.NO_ANSWER)


def test_cyclic_exception_ends_the_search() -> None:
    error = ValueError("a")
    error.args = (error,)
    error.__cause__ = error
    assert wire_errors.answer_of(error) is None


def test_unknown_outcome_has_a_doubtful_answer() -> None:
    for answer in Answer:
        failure = SendError("network", "x", Acceptance.UNKNOWN, answer=answer)
        assert failure.answer == (answer if answer in DOUBTFUL else Answer.NO_ANSWER)
    assert SendError("network", "x").answer == Answer.REFUSED


@pytest.mark.parametrize("own_words", [False, True], ids=["bare", "own words"])
@pytest.mark.parametrize("wait", [None, 0.0, 17.0])
def test_every_status_is_classified(own_words: bool, wait: float | None) -> None:
    judged = {status: wire_errors.classify_status(status, own_words=own_words, wait=wait) for status in range(100, 700)}
    at = {
        answer: {status for status, judgement in judged.items() if judgement == answer}
        for answer in set(judged.values())
    }
    asks = own_words or wait is not None
    assert at.pop(Answer.BUSY) == {408, 421, 425, 429} | ({503, 509} if asks else set())
    assert at.pop(Answer.FOREIGN) == {*range(100, 400), *range(600, 700)}
    gateway = {502, 504} if own_words else {*range(500, 600)} - {511} - ({503, 509} if asks else set())
    assert at.pop(Answer.GATEWAY) == gateway
    assert [*at] == [Answer.REFUSED]


def test_retry_after_of_an_exceptions_response_is_used() -> None:
    answer = requests.Response()
    answer.status_code, answer._content = 503, b""
    answer.headers["retry-after"] = "17"
    failure = wire_errors.to_send_error(requests.HTTPError("503", response=answer), sent=False)
    assert (failure.cause, failure.retry, failure.retry_after) == ("transient", True, 17.0)


@pytest.mark.control(3)
@pytest.mark.parametrize(
    "name",
    [
        "exchangelib.util",
        "exchangelib.util.xml",
        "msal.oauth2cli.oauth2",
        "requests_oauthlib.oauth2_session",
        "spnego._ntlm",
    ],
)
def test_loggers_that_write_tokens_are_disabled(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger=name):
        logging.getLogger(name).error("Request headers: %s", {"Authorization": f"Bearer {JWT}"})
        logging.getLogger(name).debug("Bearer %s", JWT)
    assert caplog.records == []


def _raised_from(cause: BaseException) -> BaseException:
    try:
        try:
            raise cause
        except OSError:
            raise RuntimeError("wrapped") from None
    except RuntimeError as error:
        return error
