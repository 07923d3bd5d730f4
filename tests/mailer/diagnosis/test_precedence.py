"""Among several codes in one text the most specific one decides."""

from __future__ import annotations

import re

import pytest

from mailer.diagnosis import SLUGS, from_text
from mailer.diagnosis.rules.aadsts import AADSTS, ERROR_WORDS, FAMILIES
from mailer.diagnosis.rules.all_rules import ALL_RULES


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("401 Unauthorized invalid_client AADSTS7000222", "secret_expired"),
        ("AADSTS70002: Error validating credentials. AADSTS7000222", "secret_expired"),
        ("AADSTS700027 [Reason - The key used is expired.]", "certificate_expired"),
        ("ErrorInternalServerError ... ErrorSendAsDenied", "send_as_denied"),
        ("403 Forbidden ErrorAccessDenied: token contains not enough scope to make this call", "role_missing"),
        ("535 5.7.139 Authentication unsuccessful", "smtp_auth_disabled"),
        ("535 5.7.139 Authentication unsuccessful, basic authentication is disabled.", "basic_auth_retired"),
        ("554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException", "send_as_denied"),
        ("Max retries exceeded with url (Caused by SSLError(certificate verify failed))", "tls"),
        ("503 Service Unavailable", "transient"),
        ("HTTP 429", "throttled"),
        ("invalid_client", "secret_wrong"),
        ("invalid_client AADSTS7999999", None),
        ("order number 7000222 was shipped", None),
        ("EWS works fine, 403 messages were sent", None),
        ("Access is denied: C:\\\\data", None),
        ("versions 5.7.1390 and 15.7.139 and 5.7.139.4", None),
    ],
)
def test_the_most_specific_code_wins(text: str, cause: str | None) -> None:
    assert from_text(text) == cause


@pytest.mark.parametrize(
    "text",
    ["error_codes: [7000222]", '"error_codes":[ 7000222 ]', "Error code: 7000222", "Code d'erreur : 7000222",
     "Fehlercode: 7000222", "https://login.microsoftonline.com/error?code=7000222", "AADSTS 7000222", "aadsts-7000222"],
)  # fmt: skip
def test_number_without_prefix_is_found_in_code_fields(text: str) -> None:
    assert from_text(text) == "secret_expired"


@pytest.mark.parametrize("number", sorted(AADSTS))
def test_each_number_in_the_table_has_its_cause(number: int) -> None:
    assert from_text(f"error: AADSTS{number}: something\r\nTrace ID: 0") == AADSTS[number]


def test_rules_have_known_causes_and_families_are_in_the_table() -> None:
    assert {rule.slug for rule in ALL_RULES} | set(AADSTS.values()) | set(ERROR_WORDS.values()) <= set(SLUGS)
    assert set(AADSTS) >= FAMILIES
    assert all(rule.source for rule in ALL_RULES)


def test_patterns_are_lower_case_without_unbounded_repetition() -> None:
    for rule in ALL_RULES:
        literal = re.sub(r"\\.", "", rule.pattern)
        assert literal == literal.lower(), rule.pattern
        assert not re.search(r"[*+](?!\\)", literal), rule.pattern
