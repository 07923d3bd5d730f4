"""Bounces of Exchange: the names of its transport's parts in a reply, and what an enhanced code means by its class.

A bounce is written after the message was accepted, so it is final, and it is about the recipient's side. A bare number
(5.7.1, 5.1.0) stands for many things: it decides only where no word beside it is understood.

Sources: Microsoft, "Email non-delivery reports and SMTP errors in Exchange Online", and its "Fix NDR error" articles;
MS-OXPROTO-like names as printed by Exchange (RESOLVER, ROUTING, STOREDRV, SMTPSEND, TRANSPORT); RFC 3463, 2 to 3.8.
"""

from __future__ import annotations

import re
from typing import Final

from mailer.diagnosis.rules.rule import Rank, Rule, rules

_NDR = "learn.microsoft.com/exchange/mail-flow-best-practices/non-delivery-reports-in-exchange-online"
_PARTS = "names of Exchange's transport components in its replies"
_RFC = "RFC 3463"

FINAL: Final = re.compile(
    r"action: failed|delivery has failed|delivery (?:failed permanently|permanently failed)|message expired"
    r"|queue\.expired|retry time(?:out)? exceeded|(?:550|554)[ -]{1,3}(?:5\.4\.300|4\.4\.7)"
    r"|(?<![\d.])[45]\.4\.(?:7|300)(?!\d)"
    r"|giving up|gave up|will not (?:be )?(?:retried|try again)|no further attempts|could not be delivered"
    r"|undeliverable|will not try to (?:redeliver|deliver)|this is a permanent error|after a long failure period"
    r"|exchange (?:versucht nicht|wird nicht versuchen|n'essaie|ne tente"
    r"|no (?:volvera|intentara)|non (?:tentera|prover))"
    r"|unzustellbar|konnte nicht (?:zugestellt|ubermittelt) werden|zustellung .{0,60}fehlgeschlagen"
    r"|echec de (?:la )?remise|n'a pas pu etre (?:remis|distribue|livre)|impossible de remettre"
    r"|no se (?:pudo|ha podido|puede) entregar|non (?:e stato possibile|puo essere) (?:recapitare|recapitato|consegn)"
    r"|kon niet worden (?:bezorgd|afgeleverd)|nao (?:pode|foi possivel) (?:ser )?entreg|nao foi entregue"
)
"""What is said only of a message that will not be tried again."""
PENDING: Final = re.compile(
    r"^4\d\d[ -]|action: delayed|delivery (?:is |has been |was )?delayed|still be retried"
    r"|will (?:keep|continue) (?:trying|to try)"
    r"|verzogert|a ete (?:retarde|differe)|en cours de nouvelle"
)


def _numbers(slug: str, rank: Rank, *codes: str) -> tuple[Rule, ...]:
    """Rules for enhanced codes; each is a regular expression."""
    return rules(slug, rank, _NDR, *(rf"(?<![\d.]){code}(?!\d|\.\d)" for code in codes))


NDR: Final[tuple[Rule, ...]] = (
    *rules(
        "recipient_rejected",
        Rank.WORDING,
        _PARTS,
        r"resolver\.(?:adr|rst|grp|loop|fwd)",
        r"routing\.(?:noroute|noconnector|loop|toomany|transport)",
        r"smtpsend\.(?:dns|suspicious|over|infodomain)",
        r"transport\.rules\.reject|rejected by organization policy|email rule restriction|mail flow rule",
        r"tenantattribution|tenantinboundattribution|attributed tenant|advancedspf",
        r"hop count exceeded|possible mail loop|mail loop detected|too many hops|loop(?:ing)? (?:was )?detected",
        r"queue\.expired|message expired|delivery time expired|retry time(?:out)? exceeded",
        r"message delivery timed ?out",
        r"in der warteschlange ist abgelaufen|message .{0,40}(?:file d'attente )?(?:a |est )expire\b",
        r"(?:mensaje|messaggio|mensagem|bericht) .{0,60}(?:caducado|expirado|scaduto|verlopen|expirou)",
        r"domain (?:does not|doesn't) exist|nonexistent domain|non-?existent domain|domain not found",
        r"(?:user|account|mailbox|recipient|address|inbox) .{0,40}(?:is |has been )(?:disabled"
        r"|suspended|inactive|no longer|full)",
        r"(?:does not|doesn't|cannot|can't|not|unable to) (?:accept|receive)(?:ing)? (?:mail|message|e-?mail)s?",
        r"(?:over|exceed(?:ed|s)) (?:its |their |the |his )?(?:storage )?quota|out of storage",
        r"insufficient (?:system )?storage",
        r"listed (?:in|by|on) \S{1,60}|blocked using|blacklisted|black ?list|on (?:a |our )?block ?list",
        r"spamhaus|poor reputation",
        r"message (?:was |has been |is )?(?:rejected|refused|blocked|identified|detected"
        r"|classified) .{0,30}(?:spam|junk|content|policy|virus)",
        r"(?:reject|block|refus)ed .{0,40}(?:spam|dmarc|spf|dkim|policy)|looks like spam",
        r"high(?:ly)? probab\w{0,10} of spam",
        r"(?:dmarc|spf|dkim) .{0,60}(?:fail|reject|not pass|polic)|unauthenticated (?:e-?mail|mail|sender)",
        r"sender (?:is )?not (?:authenticated|authorized|allowed) (?:for|to).{0,20}(?:group|recipient|send to|deliver)",
        r"restricted to (?:internal|authenticated)|only (?:accepts?|receives?) (?:mail|messages|e-?mail) from",
        r"(?:nur|uniquement|solo|seulement) .{0,60}(?:interne|authentifizierte|authentifies|autenticad)",
        r"not authorized to (?:relay|send (?:email |mail |messages? )?to (?:the|this|recipient|group))",
        r"delivery not authorized",
        r"not an? (?:verified|valid|known) (?:domain|recipient)|verify (?:the )?recipient",
        r"undeliverable address|(?<!sender )address rejected",
    ),
    *rules(
        "transient",
        Rank.REFINED,
        _PARTS,
        r"(?:storage|connectionfailed|mailboxunavailable|store)?transientexception|due to a transient exception",
        r"mailbox server is (?:offline|too busy)|mapiexceptionnetworkerror",
    ),
    *rules("transient", Rank.CODE, _PARTS, r"4\.[23]\.\d .{0,20}storedrv\.deliver(?!; recipient thread)"),
    *rules(
        "send_as_denied",
        Rank.WORDING,
        _PARTS,
        r"sender (?:address )?(?:rejected|refused|not allowed)(?!: (?:not logged|not owned))",
    ),
    *rules(
        "recipient_rejected",
        Rank.REFINED,
        _PARTS,
        r"5\.\d\.\d{1,3} .{0,20}storedrv\.deliver",
        r"storedrv\.deliver.{0,80}(?:quota|disabled|permanent)",
    ),
    *rules("sending_limit", Rank.WORDING, _PARTS, r"gedrosselt|sender .{0,40}(?:throttled|restricted)"),
    *_numbers(
        "recipient_rejected",
        Rank.CODE,
        r"5\.4\.300",
        r"4\.4\.7",
        r"5\.7\.50[4-7]",
        r"5\.7\.51[0-4]",
        r"5\.7\.6[0-4]\d",
        r"5\.7\.(?:51|900|367)",
        r"5\.4\.(?:11|12|20|21|24)",
        r"5\.2\.4",
        r"5\.1\.(?:4|5)",
    ),
    *_numbers("sending_limit", Rank.CODE, r"5\.7\.7[0-4]\d"),
    *_numbers("throttled", Rank.CODE, r"4\.7\.(?:5\d\d|6\d\d|8[5-9]\d)"),
    *_numbers("tls", Rank.CODE, r"[45]\.7\.32[0-5]"),
    # By class and subject alone (RFC 3463, 3).
    *rules(
        "transient",
        Rank.WORDING,
        _RFC,
        # An answer of a server that works: "connection dropped" in it is not this machine's network.
        r"(?<!\d)4[25]\d[ -]{1,3}4\.4\.[0-6](?!\d)",
    ),
    *_numbers(
        "recipient_rejected",
        Rank.NUMBER,
        r"5\.[124]\.\d{1,3}(?!.{0,10}storedrv\.submi)",
        r"4\.1\.\d{1,3}",
        r"4\.2\.2",
        r"5\.7\.\d{1,3}",
    ),
    *_numbers("transient", Rank.NUMBER, r"4\.[2-57]\.\d{1,3}"),
)
