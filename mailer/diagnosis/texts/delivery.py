"""Texts for causes in delivery and the connection to Microsoft, and for unknown errors."""

from __future__ import annotations

from mailer.diagnosis.causes import Owner
from mailer.diagnosis.texts.entry import Entry, gettext_noop

DELIVERY = {
    "throttled": Entry(
        gettext_noop("Too many requests at once"),
        gettext_noop(
            "Microsoft asks to wait: too many requests, connections or messages in a short time (30 messages a "
            "minute for a mailbox, three SMTP connections, four requests at once for an application). Nothing "
            "is broken."
        ),
        Owner.NONE,
        (
            gettext_noop(
                "Wait as long as the answer asks for (Retry-After), then send again; alertadmin does this "
                "automatically."
            ),
            gettext_noop(
                "If it comes often, find out what else sends with this mailbox or application, and spread it in time."
            ),
        ),
        ("limits_doc",),
    ),
    "sending_limit": Entry(
        gettext_noop("A sending limit is reached, or sending is blocked"),
        gettext_noop(
            "The mailbox or tenant has sent too much in 24 hours, has too many recipients in one message, is full, "
            "or was blocked because its mail looked like spam."
        ),
        Owner.EXCHANGE_ADMINISTRATOR,
        (
            gettext_noop(
                "Open Restricted entities in the Microsoft Defender portal; if the mailbox is listed there, "
                "secure the account and unblock it."
            ),
            gettext_noop(
                "Trace the messages of the last day (link below): does something send far more than it should?"
            ),
            gettext_noop(
                "Put fewer recipients in one message, or use a distribution list; spread large sendings over days."
            ),
            gettext_noop("Check that the mailbox is not full."),
        ),
        ("message_trace", "mailboxes", "limits_doc"),
    ),
    "recipient_rejected": Entry(
        gettext_noop("The recipient's side refused the message"),
        gettext_noop(
            "The message was sent, or would have been, but a recipient's address is wrong, full, or protected, "
            "or its mail server rejected the message."
        ),
        Owner.SENDER,
        (
            gettext_noop("Check the recipient's address, letter by letter."),
            gettext_noop("Ask the recipient, not by mail, whether the mailbox is full or closed to outside senders."),
            gettext_noop("Trace the message (link below): the last event gives the other side's words."),
            gettext_noop(
                "If the answer mentions SPF, DKIM, DMARC or a banned address, fix the sending domain's DNS records."
            ),
        ),
        ("message_trace", "ndr_doc"),
    ),
    "message_too_large": Entry(
        gettext_noop("The message is too large"),
        gettext_noop(
            "The message with its attachments is larger than the mailbox, the recipient or the transport allows."
        ),
        Owner.SENDER,
        (
            gettext_noop("Make the attachments smaller, or send a link to them."),
            gettext_noop(
                "Mind the limits: about 4 MB in one request to Graph, else the mailbox's own (35 MB at first)."
            ),
            gettext_noop(
                "An Exchange administrator can raise the mailbox's limit: Set-Mailbox %(mailbox)s -MaxSendSize 100MB"
            ),
        ),
        ("mailboxes", "limits_doc"),
    ),
    "transient": Entry(
        gettext_noop("Microsoft has a temporary problem"),
        gettext_noop(
            "The service answered that it cannot at the moment. The same call usually works some minutes later."
        ),
        Owner.NONE,
        (
            gettext_noop("Wait some minutes; alertadmin retries automatically."),
            gettext_noop("If it lasts more than an hour, look at Service health in the Microsoft 365 admin center."),
            gettext_noop("If only one mailbox is concerned, ask an Exchange administrator whether it is being moved."),
        ),
        ("health_doc", "error"),
    ),
    "network": Entry(
        gettext_noop("The server could not be reached"),
        gettext_noop(
            "No answer came from Microsoft or the mail server: the name did not resolve, the connection was refused, "
            "cut or timed out, or something else answered in its place. A firewall, a proxy or a network's sign-in "
            "page between is the usual reason."
        ),
        Owner.OPERATOR,
        (
            gettext_noop("On the sending machine, check that the names resolve: %(authority)s, %(graph)s, %(smtp)s"),
            gettext_noop(
                "Let the firewall and the proxy pass TCP 443 to the sign-in and Graph or EWS addresses, and 587 to "
                "the SMTP one."
            ),
            gettext_noop(
                "Check the proxy settings of the service, which often differ from those of your own session; "
                "alertadmin itself takes a proxy from ALERTADMIN_HTTPS_PROXY alone."
            ),
            gettext_noop("Send a test."),
        ),
        ("endpoints_doc",),
    ),
    "proxy": Entry(
        gettext_noop("The outbound proxy did not let the connection through"),
        gettext_noop(
            "alertadmin sends its web requests through the proxy of ALERTADMIN_HTTPS_PROXY. That proxy refused the "
            "connection, did not answer, or could not reach the server. The server itself was not asked."
        ),
        Owner.OPERATOR,
        (
            gettext_noop(
                "Let the proxy connect to port 443 of %(authority)s and %(graph)s, and of the channels’ hosts."
            ),
            gettext_noop(
                "HTTP 407: correct the user name and password in ALERTADMIN_HTTPS_PROXY; the proxy must accept Basic."
            ),
            gettext_noop(
                "A certificate that is not trusted: name the proxy’s authority in ALERTADMIN_HTTPS_PROXY_CA_FILE."
            ),
            gettext_noop(
                "List hosts that are reached without the proxy in ALERTADMIN_NO_PROXY. Restart, and send a test."
            ),
        ),
        ("endpoints_doc",),
    ),
    "tls": Entry(
        gettext_noop("The encrypted connection could not be made"),
        gettext_noop(
            "The machine and the server could not agree on TLS, or the server's certificate is not trusted: a proxy "
            "that opens TLS, old root certificates, a wrong clock, or a program that knows only TLS 1.0 or 1.1."
        ),
        Owner.OPERATOR,
        (
            gettext_noop("Check the sending machine's date and time, and update its root certificates."),
            gettext_noop(
                "If a proxy or virus scanner opens TLS, except Microsoft's addresses from that, or trust its "
                "certificate authority."
            ),
            gettext_noop("Let the program use TLS 1.2 or newer; for SMTP, port 587 with STARTTLS at %(smtp)s."),
            gettext_noop("Never switch certificate checks off: the client secret would go to any server that answers."),
        ),
        ("tls_doc", "endpoints_doc"),
    ),
    "other": Entry(
        gettext_noop("Unknown error"),
        gettext_noop(
            "This error is not known here, so no cause is named: a guess could mislead you. The steps below "
            "find out more."
        ),
        Owner.APP_OWNER,
        (
            gettext_noop(
                "Look for a code in the text (AADSTS…, Error…, 5.7.…) and paste the whole error, not only its first "
                "line."
            ),
            gettext_noop(
                "Look the code up at Microsoft (link below), and look at the sign-in logs at the time of the error."
            ),
            gettext_noop("Send a test from here: its steps show how far the sign-in and the message come."),
            gettext_noop("For Microsoft's support, keep the request ID, the correlation ID and the time."),
        ),
        ("error", "sign_ins", "overview"),
    ),
}
