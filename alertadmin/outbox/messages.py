"""Why a delivery is where it is, and what its steps found: stored in the rows, told by `stored_messages`."""

from __future__ import annotations

from django.utils.translation import gettext_noop

RELAY = gettext_noop("SMTP relay")
"""How an attempt went that went by no mailbox."""
NO_WAY = gettext_noop("There is no way to send: no healthy mailbox and no SMTP relay.")
NO_ROUTE_OF_INSTALLATION = gettext_noop(
    "No route may carry this mail: it leaves only by the mailbox that an owner chose for this installation, or by the "
    "SMTP relay. Choose a mailbox."
)
NO_ROUTE_OF_TENANT = gettext_noop(
    "No route may carry this mail: it leaves only by the mailbox that an owner chose for this installation, by a "
    "mailbox of the tenant that it is for, or by the SMTP relay."
)
ROUTE_KEEPS_COPY = gettext_noop(
    "No route may carry this mail: its link grants access, and the mailbox of this installation sends by SMTP, which "
    "keeps a copy in Sent Items. Choose a mailbox that sends by Microsoft Graph, or set up an SMTP relay."
)
WORKER_LOST = gettext_noop("The worker was lost after the message may have been accepted.")
NOT_PREPARED = gettext_noop("It could not be prepared: %(error)s. It is tried again.")
BROKE_OFF = gettext_noop("Sending broke off after the message may have been accepted: %(error)s.")
BUSY = gettext_noop("It waits its turn: a mailbox sends 30 messages a minute.")
HASTENED = gettext_noop("Somebody asked for it to leave at once.")
CONFIRMED = gettext_noop("A person said that it arrived.")
GIVEN_UP = gettext_noop("A person gave it up: it is not sent any more.")
IN_REVIEW = gettext_noop(
    "It waits for a day: the database was put back from a copy, and this may have been told already. Then it leaves by "
    "itself."
)
TOLD_BEFORE = gettext_noop("%(by)s said that it was told before the database was put back from a copy.")
TOO_LATE = gettext_noop("The process stood still too long: nothing was sent.")
CHANNEL_BUSY = gettext_noop("It waits its turn: a channel is told 30 times a minute.")
CHANNEL_REMOVED = gettext_noop("The channel was deleted.")
CHANNEL_PAUSED = gettext_noop("The channel is paused.")
PROOF_OVER = gettext_noop("The role was given, withdrawn or given anew, or the address changed, before it left.")
INVITATION_OVER = gettext_noop("The invitation was accepted, renewed or taken back before it left.")
NOBODY_TO_TELL = gettext_noop("Whom it was to tell, or what of, is no longer known here.")
CONSENT_GRANTED = gettext_noop("What it asks for was granted before it left.")
MAILBOX_REMOVED = gettext_noop("The mailbox under test was removed.")
NO_DRAFTS = gettext_noop("This way keeps no drafts.")
FOUND_SENT = gettext_noop("Looked up in the mailbox: it had been sent.")
UNEXPECTED = gettext_noop("Unexpected %(error)s")
INSIDE = gettext_noop(
    "The address lies inside the network, where channels lead to nobody. Whoever runs this installation can allow it: "
    "ALERTADMIN_INSIDE_TARGETS."
)
NO_ADDRESS = gettext_noop("Its address leads nowhere: it must be entered anew.")
TURNED_AWAY = gettext_noop("It was given up before anybody was called.")
NEVER_CAME = gettext_noop("The process that sends to services did not get going.")
NO_ANSWER = gettext_noop("The service did not answer in time.")
REDIRECTED = gettext_noop(
    "The server sends elsewhere (HTTP %(status)s), and that is not followed. Enter the address that it leads to."
)
CLOCK_IS_WRONG = gettext_noop(
    "The clock says %(time)s UTC, which is before this program was made: nothing is looked for or sent until it is set."
)

# The details of steps, as `mailer` words them: it knows no translation.
TOKEN = gettext_noop("valid until %(time)s UTC")
TOKEN_KEPT = gettext_noop("kept, valid until %(time)s UTC")
NOT_IN_TOKEN = gettext_noop("%(permission)s is not in the token")
NOBODY_S_PASSWORD = gettext_noop("Nobody signs in here by a password with this address.")
NO_NEWS = gettext_noop("It could not leave within a week; it stands on the record.")
ASKED_TOO_LONG_AGO = gettext_noop("It could not leave within the hour for which its link would have been good.")
