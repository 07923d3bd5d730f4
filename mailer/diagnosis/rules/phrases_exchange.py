"""Phrases of Exchange about mailboxes and permissions in English, French and German (without accents).

Source: localized messages of Exchange Online and Exchange Server, as found in Graph, EWS and bounces.
"""

from __future__ import annotations

from typing import Final

from mailer.diagnosis.rules.rule import Rank, Rule, rules

_EXCHANGE = "Exchange Online's localized messages"
_BOUNCE = "bounces of Exchange Online and Exchange Server in the language of who sent the mail"

EXCHANGE_PHRASES: Final[tuple[Rule, ...]] = (
    *rules(
        "mailbox_not_found",
        Rank.WORDING,
        _EXCHANGE,
        "smtp address has no mailbox associated",
        "mailbox is either inactive, soft-deleted",
        "mailbox .{0,60}(?:does not exist|doesn't exist|not found|could ?n[o']t be found)",
        "requested user .{0,80}is invalid",
        "account that does not have a mailbox",
        "no mailbox with such guid",
        "mailbox cannot be accessed",
        "rest api is not yet supported for this mailbox",
        "aucune boite aux lettres n'est associee",
        "adresse smtp n'est associee a aucune boite",
        "boite aux lettres .{0,60}introuvable",
        "smtp-adresse (?:ist kein|hat kein).{0,20}postfach",
        "postfach .{0,60}(?:nicht gefunden|existiert nicht)",
        "mailbox .{0,20}hosted on-premise",
    ),
    *rules(
        "mailbox_access_denied",
        Rank.WORDING,
        _EXCHANGE,
        "access to odata is disabled",
        "does not have permission to impersonate",
        "exchangeimpersonation soap header must be present",
        "blocked by tenant configured appaccesspolicy|appaccesspolicy|(?<!ews)application ?access ?policy",
        "n'est pas autorise a emprunter l'identite|pas l'autorisation d'emprunter l'identite",
        "identitat des angeforderten benutzers",
        "nicht berechtigt, .{0,40}identitat",
    ),
    *rules(
        "mailbox_access_denied",
        Rank.GENERIC,
        _EXCHANGE,
        "access is denied\\. check credentials",
        "l'acces est refuse\\. verifiez",
        "zugriff (?:wurde |wird )?verweigert\\. (?:uber)?pruf",
    ),
    *rules(
        "send_as_denied",
        Rank.WORDING,
        _EXCHANGE,
        "right to send mail on behalf of",
        "permissions? to send (?:(?:this|the|a) )?(?:message|mail|e-?mail)s? (?:on behalf of|as) ",
        "can't send (?:this message|a message|mail) on behalf of",
        "autorisation d'envoyer .{0,40}(?:au nom de|en tant que)|droit d'envoyer .{0,40}au nom de",
        "im auftrag (?:von|des|der) .{0,60}(?:zu senden|senden)|im namen .{0,60}zu senden",
        "pas autorise a envoyer .{0,40}(?:au nom de|en tant que)",
    ),
    *rules(
        "recipient_rejected",
        Rank.WORDING,
        _BOUNCE,
        "address you entered couldn't be found",
        "recipient's email provider rejected it",
        "destinataire a change.{0,80}n'accepte plus de messages",
        "recipient's mailbox is full|mailbox of the recipient is full",
        "adresse (?:de messagerie|e-mail|electronique) que vous avez entree .{0,20}(?:introuvable|pas ete trouvee)",
        "boite aux lettres du destinataire est pleine",
        "eingegebene e-mail-adresse .{0,20}nicht gefunden",
        "postfach des empfangers ist voll",
    ),
    *rules(
        "message_too_large",
        Rank.WORDING,
        _BOUNCE,
        "(?:message|courrier) .{0,60}(?:est )?trop volumineux",
        "(?:depasse|superieure? a) la (?:taille|limite) (?:maximale|de taille)",
        "nachricht .{0,40}(?:ist )?(?:zu gross|grosser als)",
        "uberschreitet die (?:maximale|zulassige) (?:nachrichten)?grosse",
    ),
    *rules(
        "sending_limit",
        Rank.WORDING,
        _BOUNCE,
        "limite (?:quotidienne|journaliere) .{0,40}(?:destinataires|messages|envoi)",
        "tagliche[sn]? (?:limit|grenzwert).{0,40}(?:empfanger|nachrichten)",
        "empfangerlimit .{0,20}(?:erreicht|uberschritten)",
        r"\b(?:daily|hourly|24[ -]?hours?) (?:\w{1,12} ){0,3}(?:limit|quota)\b",
        r"(?:rcpt to|recipients?|messages?|e-?mails?) (?:limit|quota) (?:per|for (?:the|this)) (?:day|hour)",
        r"(?:recipients?|messages?|e-?mails?) (?:per|in (?:a|one)|a) (?:day|hour) .{0,20}(?:limit|exceeded|reached)",
        r"(?:quota|limite|plafond) (?:\w{1,12} ){0,3}(?:quotidien|journalie|par jour|horaire)",
        r"tageslimit|stundenlimit|daglimiet|dagelijkse limiet|limite (?:\w{1,12} ){0,3}(?:diari|giornalier)",
    ),
    *rules(
        "transient",
        Rank.WORDING,
        _EXCHANGE,
        "none of the client access servers in the destination site could process the request",
    ),
)
