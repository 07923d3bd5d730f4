"""SMTP replies and bounces: RFC 3463's enhanced codes as Exchange Online uses them, and the names in its texts.

Sources: Microsoft, "Email non-delivery reports and SMTP errors in Exchange Online"
(learn.microsoft.com/exchange/mail-flow-best-practices/non-delivery-reports-in-exchange-online), "How to set up a
multifunction device or application to send email using Microsoft 365", "Sending limits", RFC 3463 and RFC 5248.
"""

from __future__ import annotations

import re
from typing import Final

from mailer.diagnosis.rules.rule import Rank, Rule, rules

_NDR = "learn.microsoft.com/exchange/mail-flow-best-practices/non-delivery-reports-in-exchange-online"
_SUBMISSION = "learn.microsoft.com/exchange/clients-and-mobile-in-exchange-online/authenticated-client-smtp-submission"
_LIMITS = "learn.microsoft.com/office365/servicedescriptions/exchange-online-service-description/exchange-online-limits"
_RFC = "RFC 3463, RFC 5248"
_SERVERS = "replies of Postal, exim, hMailServer, MailEnable, QQ, 163.com and Exchange in public threads"
_POSTFIX = "postfix, reject_sender_login_mismatch and its SMTP client's log"


def _enhanced(slug: str, rank: Rank, source: str, *codes: str) -> tuple[Rule, ...]:
    """Rules for enhanced status codes; "x" matches any number."""
    shaped = (re.escape(code).replace("x", r"\d{1,3}") for code in codes)
    return rules(slug, rank, source, *(rf"(?<![\d.]){code}(?!\d|\.\d)" for code in shaped))


SMTP: Final[tuple[Rule, ...]] = (
    # Codes with several causes, distinguished by the text.
    *rules(
        "smtp_auth_disabled",
        Rank.REFINED,
        _SUBMISSION,
        "smtpclientauthentication is disabled",
        "smtp_auth_disabled",
        "smtp client authentication is disabled",
        "authenticated smtp is (?:disabled|not enabled)",
        "smtp auth(?:entication)? is (?:disabled|not enabled)",
        "smtpclientauthenticationdisabled ?[:=]? ?\\$?true",
    ),
    *rules(
        "basic_auth_retired",
        Rank.REFINED,
        "Microsoft 365 message center MC786329",
        "basic authentication is (?:disabled|not supported|being|no longer)",
        "basic auth(?:entication)? (?:is|has been|was) (?:disabled|blocked|retired|turned off|deprecated)",
        "basicauthblocked",
    ),
    *rules(
        "conditional_access",
        Rank.REFINED,
        _SUBMISSION,
        r"5\.7\.139.{0,120}(?:security defaults|conditional access|did not meet the criteria|access policies)",
        "request did not meet the criteria to be authenticated",
        "user is locked by your organization's security defaults policy",
    ),
    *rules(
        "user_sign_in_needed",
        Rank.REFINED,
        _SUBMISSION,
        r"user credentials were incorrect",
        r"535.{0,40}username and password not accepted",
    ),
    *_enhanced("basic_auth_retired", Rank.CODE, "Microsoft 365 message center MC786329", "5.7.30"),
    *rules(
        "send_as_denied",
        Rank.REFINED,
        _NDR,
        "sendasdenied",
        "does not have permissions? to send as this sender",
        "not allowed to send as",
        "mapiexceptionsendasdenied",
    ),
    *_enhanced("send_as_denied", Rank.CODE, _NDR, "5.7.60", "5.7.61", "5.2.252", "5.7.62"),
    *rules(
        "sending_limit",
        Rank.REFINED,
        _LIMITS,
        "submissionquotaexceeded",
        "outboundspamexception",
        "bad outbound sender",
        "tenant has exceeded threshold",
        "exceeded the (?:daily|maximum|hourly)[^.]{0,30} (?:limit|rate|recipients)",
        "reached your daily limit",
        "recipient ?rate ?limit",
        "too many recipients",
        "mapiexceptionshutoffquotaexceeded",
        "tenant external recipient rate limit",
        "shutoffquotaexceeded",
    ),
    *_enhanced(
        "sending_limit",
        Rank.CODE,
        _NDR,
        "5.1.8",
        "5.1.90",
        "5.2.251",
        "5.2.254",
        "5.5.3",
        "4.5.3",
        "5.7.233",
        "5.7.232",
        "5.7.501",
        "5.7.502",
        "5.7.503",
        "5.7.508",
        "5.7.703",
        "5.7.705",
        "5.7.708",
        "5.7.750",
        "5.2.253",
    ),
    *rules(
        "throttled",
        Rank.REFINED,
        _LIMITS,
        "concurrent connections limit exceeded",
        "sender thread limit exceeded",
        "too many (?:concurrent )?(?:connections|login attempts)",
        "recipient thread limit exceeded",
        "message rate exceeded",
        "submission rate .{0,40}exceeded",
        "client submission rate",
    ),
    *_enhanced("throttled", Rank.CODE, _NDR, "4.3.2", "4.7.500", "4.7.650", "4.7.651", "4.5.127", "5.2.122", "5.2.121"),
    *rules(
        "tls",
        Rank.REFINED,
        _SUBMISSION,
        "must issue a starttls command",
        r"\b(?:must|muss|doit|debe|deve|moet)\b.{0,40}starttls",
        r"starttls.{0,40}(?:erforderlich|requis|requerid|vereist|obligatoire|richiest)",
        "tls 1\\.0 (?:and|or|,) ?(?:tls ?)?1\\.1 are not supported",
        "starttls (?:is )?(?:required|not supported|failed|not available)",
        "tls not available",
        "must issue (?:a )?starttls",
        "host does not support starttls",
        "tls is required, but was not offered",
    ),
    *rules(
        # Exchange Online offers AUTH only once the connection is encrypted.
        "tls",
        Rank.GENERIC,
        _SUBMISSION,
        "smtp auth extension not supported",
    ),
    *_enhanced("tls", Rank.CODE, _RFC, "4.7.66", "4.7.320", "4.7.323", "5.7.10", "5.7.11", "4.7.10", "4.7.5"),
    *rules(
        "message_too_large",
        Rank.REFINED,
        _NDR,
        "message (?:size )?(?:is too (?:large|big)|exceeds (?:the )?(?:fixed |maximum )?(?:message )?size)",
        "message too large",
        "exceeds? .{0,60}(?:size limit|maximum size|maximum message size|message size)",
        "messagesizeexceeded",
        "message size exceeds",
        "larger than the current system limit",
    ),
    *_enhanced("message_too_large", Rank.CODE, _RFC, "5.3.4", "5.2.3", "4.3.4"),
    *_enhanced("smtp_auth_disabled", Rank.GENERIC, _SUBMISSION, "5.7.57", "5.7.139", "5.7.4"),
    *rules(
        "smtp_auth_disabled",
        Rank.GENERIC,
        _SUBMISSION,
        "client was not authenticated",
        "client not authenticated to send",
        "unrecognized authentication type",
        "5\\.7\\.0 .{0,30}authentication required",
    ),
    *rules(
        "smtp_auth_disabled",
        Rank.WORDING,
        _SUBMISSION,
        r"server (?:doesn't|does not|did not) (?:support|offer|advertise) (?:smtp )?(?:auth\b"
        r"|authentication|login|plain|xoauth2)",
        r"no (?:supported|suitable|worthy|compatible) (?:authentication )?(?:mechanisms?|mechs?|authenticat\w{1,6})",
        r"no mechanism available|authentication (?:type|method|mechanism) (?:is )?not supported"
        r"|no authenticat\w{1,6} (?:available|found)",
    ),
    *rules(
        "smtp_auth_disabled",
        Rank.WORDING,
        _SERVERS,
        "if mail from is local then you must authenticate",
        r"you (?:must|need to|have to) (?:first )?(?:authenticate|be authenticated|log ?in|sign in)\b",
        r"must be authenticated|please (?:authenticate|log ?in|turn on smtp authentication)|\bauth first\b",
        "smtp auth(?:entication)? (?:is )?(?:required|needed)|requires (?:smtp )?authentication",
    ),
    *rules(
        "send_as_denied",
        Rank.WORDING,
        _SERVERS,
        r"(?:mail ?)?from (?:address )?must (?:be (?:the )?same|equal|match)",
        r"must be (?:the )?same as auth\w{0,14} user",
        r"sender (?:address )?(?:must (?:be|match|equal)|does not match|doesn't match|is not) "
        r".{0,30}(?:auth|login|logged)",
        r"not (?:allowed|authori[sz]ed|permitted|entitled) to "
        r"(?:send (?:mail |messages? |e-?mail )?as|use (?:this|the) sender)",
        r"not (?:allowed|authori[sz]ed|permitted) to send (?:mail |messages? )?(?:from|with) "
        r"this (?:sender|address|account)",
        r"nicht (?:berechtigt|befugt),? .{0,20}(?:als|mit) (?:dieser?|diesem|der) absender",
        r"autorise a envoyer .{0,30}en tant que|autorizzato a inviare .{0,30}come",
        r"autorizado (?:a|para) enviar .{0,30}como",
    ),
    *rules("smtp_auth_disabled", Rank.WORDING, _POSTFIX, "sender address rejected: not logged in"),
    *rules("send_as_denied", Rank.WORDING, _POSTFIX, "sender address rejected: not owned by"),
    *_enhanced("token_rejected", Rank.GENERIC, _SUBMISSION, "5.7.3", "5.7.8"),
    *rules(
        "token_rejected",
        Rank.GENERIC,
        _SUBMISSION,
        r"535.{0,20}authentication (?:unsuccessful|failed|credentials invalid)",
        "xoauth2.{0,60}(?:fail|reject|unsuccessful|invalid)",
    ),
    *_enhanced(
        "recipient_rejected",
        Rank.CODE,
        _NDR,
        "5.1.1",
        "5.1.10",
        "5.1.2",
        "5.1.3",
        "5.1.6",
        "5.1.20",
        "5.2.1",
        "5.2.2",
        "4.2.2",
        "5.2.255",
        "5.4.1",
        "5.4.4",
        "5.4.6",
        "5.4.14",
        "5.4.310",
        "5.4.312",
        "5.4.316",
        "4.4.312",
        "5.7.12",
        "5.7.23",
        "5.7.54",
        "5.7.64",
        "5.7.124",
        "5.7.129",
        "5.7.133",
        "5.7.134",
        "5.7.136",
        "5.7.193",
        "5.7.509",
        "5.7.511",
        "5.7.515",
        "5.7.26",
        "5.7.606",
        "5.7.649",
    ),
    *rules(
        "recipient_rejected",
        Rank.GENERIC,
        _NDR,
        r"resolver\.adr",
        r"resolver\.rst",
        "recipientnotfound",
        "recipient (?:address )?(?:was )?(?:rejected|not found)",
        "user unknown",
        "unknown user",
        "no such (?:user|recipient|mailbox)",
        "unable to relay",
        r"refused to talk to me: 5\d\d",
        "relay(?:ing)? (?:access )?denied",
        "invalid recipient",
        "mailbox unavailable",
        "mailbox (?:is )?full",
        "destinataire .{0,40}(?:introuvable|refuse|inconnu)",
        "empfanger .{0,40}(?:nicht gefunden|abgelehnt|unbekannt)",
        "wasn't found at",
        "couldn't be found",
    ),
    *rules("transient", Rank.GENERIC, _RFC, "temporary server error", "temporarily (?:unavailable|deferred|rejected)"),
)
