"""SMTP replies without an enhanced code, and the phase of the session that a text names: the least that is certain.

The reply's number says which phase refused and whether for now (4..) or for good (5..); the words beside it are the
server's own, in its language. So any word that is understood decides before these rules do.

Source: RFC 5321, 4.2.3; RFC 3207, 4; RFC 4954, 6; postfix, "(in reply to … command)".
"""

from __future__ import annotations

from typing import Final

from mailer.diagnosis.rules.rule import Rank, Rule, rules

_RFC = "RFC 5321, 4.2.3; RFC 4954, 6"
_PHASES = "names of SMTP's commands in error texts of mail programs"

REPLIES: Final[dict[int, str]] = {
    421: "transient",
    432: "throttled",
    452: "sending_limit",
    454: "tls",
    504: "smtp_auth_disabled",
    530: "smtp_auth_disabled",
    534: "smtp_auth_disabled",
    535: "token_rejected",
    538: "tls",
    550: "recipient_rejected",
    551: "recipient_rejected",
    552: "message_too_large",
    553: "recipient_rejected",
}
"""Cause of a bare reply code. Other codes from 400 to 499 are temporary."""

_NAMED = r"(?:code|said:?|reply:?|response:?|smtp;|failed:|error:?|was:?|message|smtp|b)[ \"':]{1,3}"


def _replies() -> tuple[Rule, ...]:
    codes = REPLIES | {450: "recipient_rejected", 451: "transient"}
    return tuple(
        Rule(slug, pattern, Rank.NUMBER, _RFC)
        for code, slug in codes.items()
        for pattern in (rf"^{code}[ -](?=\S)", rf"{_NAMED}{code}(?:\"|'|[ -][a-z<'\"\d(])")
    )


PHASES: Final[tuple[Rule, ...]] = (
    *rules("token_rejected", Rank.GENERIC, _PHASES, r"authentication (?:was )?unsuccessful"),
    *rules(
        "recipient_rejected",
        Rank.NUMBER,
        _PHASES,
        r"action: failed",
        r"in reply to rcpt to command|rcpt to(?: command)? failed|smtprecipientsrefused|recipients refused",
    ),
    *rules("send_as_denied", Rank.NUMBER, _PHASES, r"in reply to mail from command|mail from(?: command)? failed"),
    *rules(
        "token_rejected",
        Rank.NUMBER,
        _PHASES,
        r"\bsmtpauthenticationerror\b",
        r"(?:auth|password|username)(?: login| plain| xoauth2)?(?: command)? (?:failed|rejected|error)",
    ),
    *rules("tls", Rank.NUMBER, _PHASES, r"(?:starttls|tls)(?: command)? (?:failed|error)"),
    *rules("network", Rank.NUMBER, _PHASES, r"error (?:while |when )?connecting to|smtp connection failed"),
    *_replies(),
)
