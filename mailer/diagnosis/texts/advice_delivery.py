"""Advice for kinds of refusals and limits: whose limit, whose list, and whether a bounce is final."""

from __future__ import annotations

from typing import Final

from mailer.diagnosis.causes import Owner
from mailer.diagnosis.texts.advice import Advice
from mailer.diagnosis.texts.entry import gettext_noop

DELIVERY_ADVICE: Final[tuple[Advice, ...]] = (
    Advice(
        ("sending_limit",),
        r"5\.7\.7(?:0\d|50)|tenant has exceeded threshold|traffic not accepted from this ip|unregistered domain",
        gettext_noop(
            "Microsoft takes no mail from the whole tenant: it is new or on trial, it sent spam, or it sends from "
            "domains that are not registered in it. No setting of the mailbox helps."
        ),
        Owner.TENANT_ADMINISTRATOR,
        (
            gettext_noop(
                "If an account was taken over, secure it first; look also for a connector that lets anyone send."
            ),
            gettext_noop("5.7.750: add and verify every sending domain in the Microsoft 365 admin center."),
            gettext_noop(
                "Open a support request in the Microsoft 365 admin center with the whole text; only Microsoft lifts "
                "this block."
            ),
            gettext_noop("Until then, send from another tenant or by another mail server."),
        ),
        gettext_noop("Microsoft has blocked the tenant's outgoing mail"),
        ("message_trace", "limits_doc", "ndr_doc"),
    ),
    Advice(
        ("sending_limit",),
        r"errorquotaexceeded|code['\"]{0,2} ?[:=] ?['\"]?quotaexceeded|target mailbox quota"
        r"|insufficient ?storage|mailbox (?:has )?exceeded its quota|sender'?s mailbox is full",
        gettext_noop("The sending mailbox itself is full, so no copy of a sent message can be kept in it."),
        Owner.EXCHANGE_ADMINISTRATOR,
        (
            gettext_noop("Empty the mailbox %(mailbox)s, starting with its Sent Items."),
            gettext_noop("Or give it more room: a licence with a larger mailbox, or an archive."),
        ),
        gettext_noop("The sending mailbox is full"),
        ("mailboxes", "limits_doc"),
    ),
    Advice(
        ("transient", "network"),
        r"4\.4\.316|lastattemptedservername",
        gettext_noop(
            "Exchange Online has taken the message, but the recipient's mail server refuses the connection. The "
            "program, its network and its sign-in are not the reason."
        ),
        Owner.SENDER,
        (
            gettext_noop(
                "Wait: Exchange Online keeps trying, for a day by default, and then returns the message to the sender."
            ),
            gettext_noop("Tell the recipient, not by mail, which of their servers refuses (LastAttemptedServerName)."),
            gettext_noop(
                "If the server is your own (a connector leads to it), open its port 25 to Exchange Online's addresses."
            ),
        ),
        gettext_noop("The recipient's server refuses the connection"),
        ("message_trace", "ndr_doc"),
    ),
    Advice(
        ("throttled",),
        r"storedrv\.deliver|recipient thread limit|5\.2\.12[12]|recipient .{0,60}limit .{0,40}receive",
        gettext_noop(
            "The recipient's mailbox gets more mail than it may in this time. It is the recipient's limit: neither "
            "the sending mailbox nor its permissions are the reason."
        ),
        Owner.SENDER,
        (
            gettext_noop("Send less often to this mailbox: gather alerts into one message, or leave copies out."),
            gettext_noop(
                "With a code 4.…, the message waits and arrives later. With 5.…, send it again after an hour."
            ),
            gettext_noop("If a mail loop or a rule fills the mailbox, its owner must stop that."),
        ),
        gettext_noop("The recipient's mailbox gets too many messages"),
        ("message_trace", "limits_doc"),
    ),
    Advice(
        ("recipient_rejected",),
        r"4\.4\.7(?!\d)|after a long failure period|message expired"
        r"|queue\.expired|delivery time expired|retry time(?:out)? exceeded"
        r"|(?:nachricht|message|mensaje|messaggio|mensagem|bericht)\b.{0,80}(?:abgelaufen|expire\b|expirado"
        r"|scadut|verlopen)",
        gettext_noop(
            "The sending server could not hand the message over for a day or longer, and has given up. This is final: "
            "nothing is tried again for this message."
        ),
        Owner.SENDER,
        (
            gettext_noop(
                "Check the recipient's domain, letter by letter: a wrong one often has no mail server at all."
            ),
            gettext_noop(
                "Trace the message (link below): its last event says what the other server answered, or that it did "
                "not answer."
            ),
            gettext_noop("Ask the recipient, not by mail, whether their mail server works; then send again."),
        ),
        gettext_noop("The recipient's server could not be reached in time"),
    ),
    Advice(
        ("recipient_rejected",),
        r"5\.7\.(?:12|124|129|13[346]|193)(?!\d)|authrequired|not ?authenticated ?for ?group"
        r"|senderauthenticationrequired"
        r"|resolver\.rst\.(?:not|sender)",
        gettext_noop(
            "The recipient (often a group) takes mail only from senders of its own organization or from a list. The "
            "address is right, and sending again does not help."
        ),
        Owner.EXCHANGE_ADMINISTRATOR,
        (
            gettext_noop(
                "The recipient's Exchange administrator, or the group's owner, must admit the sender: Groups, the "
                "group, Settings, Delivery management, external senders."
            ),
            gettext_noop(
                "If group and mailbox are in one tenant, the message came in without a sign-in: let the program sign"
                " in, "
                "by Graph or authenticated SMTP, instead of sending anonymously to port 25."
            ),
            gettext_noop("Until then, address a mailbox instead of the group."),
        ),
        gettext_noop("The recipient takes no mail from this sender"),
        ("exchange_home", "ndr_doc"),
    ),
    Advice(
        ("recipient_rejected",),
        r"5\.7\.(?:23|26|509|515)(?!\d)|\bdmarc\b|\bspf\b|\bdkim\b|unauthenticated email",
        gettext_noop(
            "The recipient's server checked where the message comes from (SPF, DKIM, DMARC), and the sending domain "
            "does not confirm it. The recipient's address is not the problem."
        ),
        Owner.EXCHANGE_ADMINISTRATOR,
        (
            gettext_noop(
                "Add the sending server to the domain's SPF record; for Exchange Online: "
                "include:spf.protection.outlook.com"
            ),
            gettext_noop(
                "Turn DKIM signing on for the domain in the Microsoft Defender portal, and publish its records."
            ),
            gettext_noop("Send from an address of that domain through its own tenant, then send a test."),
        ),
        gettext_noop("The sending domain does not pass SPF, DKIM or DMARC"),
        ("ndr_doc",),
    ),
    Advice(
        ("recipient_rejected",),
        r"5\.7\.(?:51[13]|60[6-9]|6[1-4]\d)(?!\d)|block(?:ed using|list| list)|spamhaus|banned send|black ?list"
        r"|\bs31[45]0\b"
        r"|poor reputation|\brbl\b|\bdnsbl\b",
        gettext_noop(
            "The recipient's server refuses the IP address from which the message was sent: it is on a block list, or "
            "it has a bad name. The recipient's address is not the problem."
        ),
        Owner.OPERATOR,
        (
            gettext_noop(
                "Take the address and the list from the text, and ask there for removal; for Microsoft: "
                "sender.office.com"
            ),
            gettext_noop("Find out what sent spam from that address: a machine behind it, or a web form."),
            gettext_noop("Lasting: send by Graph or authenticated SMTP, which do not depend on your own IP address."),
        ),
        gettext_noop("The sending IP address is on a block list"),
        ("ndr_doc",),
    ),
    Advice(
        ("recipient_rejected",),
        r"\brelay(?:ing)?\b(?!=|[.:]|-?\d)|5\.7\.(?:54|64)(?!\d)|tenantattribution|relais",
        gettext_noop(
            "The server would have to pass the message on to a domain that is not its own, and does that only for "
            "programs that sign in or that it knows by their address."
        ),
        Owner.OPERATOR,
        (
            gettext_noop(
                "Let the program sign in to the server (user name and STARTTLS), or use %(smtp)s with XOAUTH2."
            ),
            gettext_noop(
                "Without a sign-in, the server's administrator must admit the sending machine: a receive connector in "
                "Exchange Server, an inbound connector with its IP address or certificate in Exchange Online."
            ),
            gettext_noop("Check that the sender's domain is one of that server or tenant."),
        ),
        gettext_noop("The mail server does not relay for this program"),
        ("smtp_doc", "ndr_doc"),
    ),
)
