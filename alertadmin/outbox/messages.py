"""Why a delivery is in its state, and what its attempts found (`Delivery.reason`, `Attempt.technical`)."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from mailer.coded_text import define

RELAY = define("outbox.relay", gettext_noop("SMTP relay"))
UNKNOWN_PURPOSE = define(
    "outbox.unknown_purpose",
    gettext_noop("This version does not know this kind of mail: it waits for a version that does."),
)
UNKNOWN_TRANSPORT = define(
    "outbox.unknown_transport",
    gettext_noop('This version cannot send by "%(transport)s": choose how the mailbox sends.'),
)
NO_ROUTE = define(
    "outbox.no_route", gettext_noop("No route can send this: there is no working mailbox and no SMTP relay.")
)
NO_INSTALLATION_ROUTE = define(
    "outbox.no_installation_route",
    gettext_noop(
        "No route may carry this mail: it leaves only through the mailbox that an owner chose for this "
        "installation, or through the SMTP relay. Choose a mailbox."
    ),
)
NO_TENANT_ROUTE = define(
    "outbox.no_tenant_route",
    gettext_noop(
        "No route may carry this mail: it leaves only through the mailbox that an owner chose for this "
        "installation, a mailbox of its tenant, or the SMTP relay."
    ),
)
ROUTE_KEEPS_COPY = define(
    "outbox.route_keeps_copy",
    gettext_noop(
        "No route may carry this mail: its link grants access, and this installation's mailbox sends by SMTP, "
        "which keeps a copy in Sent Items. Choose a mailbox that sends by Microsoft Graph, or set up an SMTP "
        "relay."
    ),
)
WORKER_LOST = define("outbox.worker_lost", gettext_noop("The worker stopped after the message may have been accepted."))
NOT_PREPARED = define(
    "outbox.not_prepared", gettext_noop("The message could not be prepared: %(error)s. It is tried again.")
)
INTERRUPTED = define(
    "outbox.interrupted", gettext_noop("Sending was interrupted after the message may have been accepted: %(error)s.")
)
MAILBOX_BUSY = define("outbox.mailbox_busy", gettext_noop("Waiting: a mailbox sends at most 30 messages a minute."))
SEND_NOW = define("outbox.send_now", gettext_noop("Requested to be sent now."))
MARKED_AS_ARRIVED = define("outbox.marked_as_arrived", gettext_noop("Marked as delivered by a user."))
GIVEN_UP = define("outbox.given_up", gettext_noop("Cancelled by a user: it is not sent again."))
IN_REVIEW = define(
    "outbox.in_review",
    gettext_noop(
        "Withheld for one day: the database was restored from a backup, and this message may already have been "
        "sent. Then it is sent automatically."
    ),
)
SENT_BEFORE_RESTORE = define(
    "outbox.sent_before_restore",
    gettext_noop("%(by)s marked it as already sent before the database was restored from a backup."),
)
LEASE_LOST = define("outbox.lease_lost", gettext_noop("The process was suspended for too long: nothing was sent."))
CHANNEL_BUSY = define("outbox.channel_busy", gettext_noop("Waiting: a channel is notified at most 30 times a minute."))
CHANNEL_DELETED = define("outbox.channel_deleted", gettext_noop("The channel was deleted."))
CHANNEL_PAUSED = define("outbox.channel_paused", gettext_noop("The channel is paused."))
PROOF_OBSOLETE = define(
    "outbox.proof_obsolete",
    gettext_noop(
        "The role was granted, withdrawn or granted again, or the address changed, before this mail was sent."
    ),
)
INVITATION_OBSOLETE = define(
    "outbox.invitation_obsolete",
    gettext_noop("The invitation was accepted, renewed or withdrawn before this mail was sent."),
)
NO_RECIPIENT = define(
    "outbox.no_recipient", gettext_noop("The recipient, or what the mail was about, no longer exists here.")
)
CONSENT_GRANTED = define(
    "outbox.consent_granted", gettext_noop("The consent was granted before this request was sent.")
)
SECRETS_RENEWED = define(
    "outbox.secrets_renewed", gettext_noop("The secrets were replaced or deleted before this request was sent.")
)
MAILBOX_DELETED = define("outbox.mailbox_deleted", gettext_noop("The mailbox under test was deleted."))
NO_DRAFTS = define("outbox.no_drafts", gettext_noop("This route keeps no drafts."))
FOUND_SENT = define("outbox.found_sent", gettext_noop("Found in the mailbox: the message had been sent."))
UNEXPECTED = define("outbox.unexpected", gettext_noop("Unexpected error: %(error)s"))
INTERNAL_ADDRESS = define(
    "outbox.internal_address",
    gettext_noop(
        "The address is inside the network, and channels may not reach it. The operator of this installation can "
        "allow it: ALERTADMIN_INSIDE_TARGETS."
    ),
)
NO_ADDRESS = define("outbox.no_address", gettext_noop("The channel's address cannot be used. Enter it again."))
CANCELLED_UNSENT = define("outbox.cancelled_unsent", gettext_noop("Cancelled before the service was called."))
SENDER_NOT_STARTED = define(
    "outbox.sender_not_started", gettext_noop("The process that sends to services did not start.")
)
NO_ANSWER = define("outbox.no_answer", gettext_noop("The service did not answer in time."))
REDIRECTED = define(
    "outbox.redirected",
    gettext_noop(
        "The server redirects to another address (HTTP %(status)s); redirects are not followed. Enter the "
        "address that it leads to."
    ),
)
CLOCK_IS_WRONG = define(
    "outbox.clock_is_wrong",
    gettext_noop(
        "The clock says %(time)s UTC, which is before this program was made: no scan runs and nothing is sent "
        "until the clock is set."
    ),
)
NO_PASSWORD_ACCOUNT = define(
    "outbox.no_password_account", gettext_noop("No account signs in with this address and a password.")
)
OUTDATED = define("outbox.outdated", gettext_noop("It could not be sent within a week; the audit trail has it."))
LINK_EXPIRED = define(
    "outbox.link_expired",
    gettext_noop("It could not be sent within the hour for which its link would have been valid."),
)
