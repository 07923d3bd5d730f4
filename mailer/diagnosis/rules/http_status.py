"""The weakest rules: OAuth's error words and HTTP statuses.

Sources: RFC 6749, RFC 9110. A number only counts in the form of a status ("403 Forbidden", "HTTP 503", "(429)").
"""

from __future__ import annotations

from typing import Final

from mailer.diagnosis.rules.aadsts import ERROR_WORDS
from mailer.diagnosis.rules.rule import Rank, Rule, rules

_OAUTH = "RFC 6749 5.2; learn.microsoft.com/entra/identity-platform/reference-error-codes"
_HTTP = "RFC 9110"

OAUTH_WORDS: Final[tuple[Rule, ...]] = tuple(
    Rule(slug, rf"\b{word}\b", Rank.GENERIC, _OAUTH) for word, slug in ERROR_WORDS.items() if "_" in word
)


def _status(code: int, words: str) -> str:
    before = (
        r"(?:\bhttp(?:/\d(?:\.\d)?)?[ :]{1,3}|status(?: ?code)?[ \"':=]{1,4}|\(|error:? |(?<!got )code[ \"':=]{1,4})"
    )
    return rf"{before}{code}\b|\b{code}:? (?:{words})"


STATUS: Final[tuple[Rule, ...]] = (
    *rules("throttled", Rank.GENERIC, _HTTP, _status(429, "too many requests|trop de requetes")),
    *rules("message_too_large", Rank.GENERIC, _HTTP, _status(413, "(?:request entity|payload|content) too large")),
    *rules("transient", Rank.HINT, _HTTP, _status(503, "service unavailable|server unavailable")),
    *rules("transient", Rank.HINT, _HTTP, _status(504, "gateway timeout"), _status(502, "bad gateway")),
    *rules("transient", Rank.HINT, _HTTP, _status(500, "internal server error"), "internal server error"),
    *rules("network", Rank.GENERIC, _HTTP, _status(407, "proxy authentication required")),
)
