"""Results of the rows of bulk jobs."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from mailer.coded_text import define

NOT_YOURS = define(
    "bulk.not_yours",
    gettext_noop("It was deleted meanwhile, or your role does not allow this any more."),
)
CONTACTS_SET = define("bulk.contacts_set", gettext_noop("Contacts: %(contacts)s"))
SET = define("bulk.set", gettext_noop("Changed from %(before)s to %(after)s"))
SAME = define("bulk.same", gettext_noop("It was set like this already."))
NO_CONTACT = define("bulk.no_contact", gettext_noop("The tenant has no contact. Add one, then try again."))
REQUESTED = define("bulk.requested", gettext_noop("Sent to %(recipients)s"))
ALREADY_REQUESTED = define(
    "bulk.already_requested", gettext_noop("The contacts were asked less than %(days)s days ago.")
)
NOTHING_TO_REQUEST = define("bulk.nothing_to_request", gettext_noop("All required permissions are granted."))
CHECKED = define("bulk.checked", gettext_noop("%(granted)s of %(all)s permissions are granted."))
NOTHING_REQUIRED = define("bulk.nothing_required", gettext_noop("No permission is required."))
ACKNOWLEDGED = define("bulk.acknowledged", gettext_noop("Acknowledged until %(until)s"))
REFUSED = define("bulk.refused", gettext_noop("Refused: %(reason)s"))
TEST_STARTED = define("bulk.test_started", gettext_noop("A test to %(recipient)s is being sent."))
OWNERS_NOTIFIED = define("bulk.owners_notified", gettext_noop("%(secrets)s secrets, sent to %(recipients)s"))
RENEWED = define("bulk.renewed", gettext_noop("All of these secrets were replaced or deleted meanwhile."))
MOVED = define("bulk.moved", gettext_noop("It now sends by Microsoft Graph."))
NOT_EWS = define("bulk.not_ews", gettext_noop("It does not send by EWS."))
TESTING_GRAPH = define("bulk.testing_graph", gettext_noop("A test by Microsoft Graph is in progress."))
GRAPH_FAILED = define(
    "bulk.graph_failed", gettext_noop("The test by Microsoft Graph failed. The mailbox still sends by EWS.")
)
GRAPH_NOT_GRANTED = define(
    "bulk.graph_not_granted",
    gettext_noop("Mail.Send is not granted in this tenant. Request consent, then try again."),
)
APP_NOT_YOURS = define(
    "bulk.app_not_yours",
    gettext_noop("Its app belongs to another tenant and does not require Mail.Send: ask an administrator."),
)
LIMIT_REACHED = define("bulk.limit_reached", gettext_noop("Waits for the limit of mails per hour or day."))
UNEXPECTED = define("bulk.unexpected", gettext_noop("An unexpected error; the log has the details."))
