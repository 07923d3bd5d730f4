"""Which concepts of the lexicon, close together, mean which cause: the weakest evidence from words.

A phrase that a rule knows is stronger (`Rank.WORDING`), and so is any code of one cause; a bare number of many causes
(`Rank.NUMBER`) is weaker. The first composition in this order wins: narrow things before "connection" and "sign-in".

Source: the words themselves; each row is held to the texts of tests/mailer/diagnosis.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from mailer.diagnosis.rules.lexicon import LEXICON

REACH: Final = 70
"""Characters between two concepts that belong to one sentence."""
SEARCHED: Final = 6_000
"""Characters at the beginning of a text in which compositions are sought."""
_MOST = 40


@dataclass(frozen=True)
class Composition:
    """`slug` is meant where all of `concepts` are within reach of the first, and no concept of `without` is."""

    slug: str
    concepts: tuple[str, ...]
    without: tuple[str, ...] = ()


_NOT_A_MESSAGE: Final = ("permission", "token", "sign-in", "connection", "certificate", "password", "consent")
"""Where one of these is refused, the message itself is not."""

COMPOSITIONS: Final[tuple[Composition, ...]] = (
    Composition("secret_expired", ("secret", "expired")),
    Composition("secret_wrong", ("secret", "wrong")),
    Composition("redirect_mismatch", ("reply url", "mismatch")),
    Composition("user_sign_in_needed", ("refresh", "expired")),
    Composition("user_sign_in_needed", ("refresh", "wrong")),
    Composition("recipient_rejected", ("relay", "refused")),
    Composition("recipient_rejected", ("recipient", "unknown")),
    Composition("recipient_rejected", ("recipient", "refused"), without=("permission",)),
    Composition("recipient_rejected", ("recipient", "full")),
    Composition("recipient_rejected", ("recipient", "wrong"), without=("certificate", "password", "token")),
    Composition("recipient_rejected", ("mailbox", "full"), without=("sender",)),
    Composition("mailbox_not_found", ("mailbox", "unknown")),
    Composition("mailbox_access_denied", ("mailbox", "inaccessible")),
    Composition("recipient_rejected", ("message", "loop")),
    Composition("message_too_large", ("message", "too large")),
    Composition("recipient_rejected", ("sender", "refused", "recipient")),
    Composition("send_as_denied", ("sender", "refused")),
    Composition("sending_limit", ("too many", "recipient")),
    Composition("throttled", ("too many", "requests")),
    Composition("throttled", ("too many", "sign-in")),
    Composition("sending_limit", ("limit", "exceeded", "sending")),
    Composition("consent_missing", ("consent", "missing")),
    Composition("role_missing", ("permission", "missing")),
    Composition("tenant_not_found", ("tenant", "unknown")),
    Composition("app_not_found", ("application", "unknown")),
    Composition("app_disabled", ("application", "locked")),
    Composition("certificate_wrong", ("certificate", "thumbprint", "unknown")),
    Composition("tls", ("certificate", "invalid")),
    Composition("tls", ("certificate", "expired")),
    Composition("tls", ("handshake", "tls")),
    Composition("smtp_auth_disabled", ("smtp auth", "off")),
    Composition("token_rejected", ("token", "expired")),
    Composition("token_rejected", ("token", "invalid")),
    Composition("recipient_rejected", ("recipient", "unmade")),
    Composition("network", ("mail server", "unmade", "connect")),
    Composition("network", ("name", "unresolved", "unmade")),
    Composition("network", ("name", "unknown")),
    Composition("network", ("connection", "broken")),
    Composition("network", ("connection", "refused")),
    Composition("network", ("connection", "unmade")),
    Composition("recipient_rejected", ("spam", "refused")),
    Composition("recipient_rejected", ("message", "refused"), without=_NOT_A_MESSAGE),
    Composition("user_sign_in_needed", ("password", "wrong")),
    Composition("user_sign_in_needed", ("password", "expired")),
    Composition("token_rejected", ("sign-in", "wrong", "mail server")),
    Composition("smtp_auth_disabled", ("sign-in", "required", "mail server")),
    Composition("user_sign_in_needed", ("sign-in", "wrong")),
    Composition("network", ("service", "unreachable")),
    Composition("network", ("mail server", "broken")),
    Composition("user_sign_in_needed", ("account", "locked"), without=("recipient", "mailbox", "application")),
    Composition("transient", ("service", "unavailable")),
    Composition("transient", ("service", "busy")),
    Composition("network", ("timeout",)),
    Composition("transient", ("unavailable", "later")),
)


def compose(plain_text: str) -> str | None:
    """The cause that the words of a normalized text mean together; None if they mean none."""
    text = plain_text[:SEARCHED]
    places: dict[str, list[int]] = {}

    def found(concept: str) -> list[int]:
        if concept not in places:
            places[concept] = _places(text, LEXICON[concept])
        return places[concept]

    for one in COMPOSITIONS:
        first, *others = one.concepts
        for at in found(first):
            if all(_is_near(at, found(other)) for other in others) and not any(
                _is_near(at, found(other)) for other in one.without
            ):
                return one.slug
    return None


def _is_near(at: int, places: Iterable[int]) -> bool:
    return any(abs(place - at) <= REACH for place in places)


def _places(text: str, words: tuple[str, ...]) -> list[int]:
    """Where the words begin, at most `_MOST`: at the beginning of a word, and after "~" anywhere."""
    found: list[int] = []
    for word in words:
        literal = word.removeprefix("~")
        at = text.find(literal)
        while at >= 0 and len(found) < _MOST:
            if word[0] == "~" or at == 0 or not text[at - 1].isalnum():
                found.append(at)
            at = text.find(literal, at + 1)
    return found
