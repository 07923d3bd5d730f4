"""Send a test from many mailboxes, and move them from EWS to Microsoft Graph."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from alertadmin.accounts.access import Access
from alertadmin.accounts.roles import Right
from alertadmin.bulk import messages
from alertadmin.bulk.actions.base import BulkAction, BulkResult
from alertadmin.bulk.models import BulkJob, BulkRow, RowState
from alertadmin.outbox import graph_migration
from alertadmin.outbox.models import DeliveryState
from alertadmin.outbox.send_test import test_send
from alertadmin.registry.consent.checks import check_consent
from alertadmin.registry.models import ConsentStatus, Mailbox
from alertadmin.registry.permissions import Permission, TransportName

RESULT_EXPECTED = timedelta(seconds=10)
"""After which the result of a test is looked at."""


class _OfMailboxes(BulkAction[Mailbox]):
    model = Mailbox

    def rows(self) -> QuerySet[Mailbox]:
        return Mailbox.objects.select_related("tenant", "app__tenant").defer("password", "refresh_token")


class SendTest(_OfMailboxes):
    """Parameter `recipient`. The results of the tests are on the mailboxes' pages and in the list of deliveries."""

    name = "send_test"
    label = _("Send test")
    right = Right.OPERATE

    def apply(self, found: Mailbox, row: BulkRow, job: BulkJob, now: datetime, prepared: Any) -> BulkResult:
        recipient = job.parameters["recipient"]
        test_send.start(found, recipient, by=job.user, now=now)
        return BulkResult(RowState.DONE, messages.TEST_STARTED % {"recipient": recipient})


class MoveToGraph(_OfMailboxes):
    """Requires Mail.Send, checks consent, sends a test by Graph to the user, and switches once the test was accepted.

    A mailbox whose tenant has not granted Mail.Send, or whose test fails, still sends by EWS.
    """

    name = "to_graph"
    label = _("Move to Microsoft Graph")
    is_sensitive = True

    def prepare(self, found: Mailbox, row: BulkRow, job: BulkJob, now: datetime) -> bool:
        """Whether Mail.Send is granted, asked anew; not asked while a test decides."""
        app = found.app
        if app is None or not graph_migration.sends_by_ews(found) or graph_migration.last_test(found, now) is not None:
            return True
        if Permission.MAIL_SEND not in app.permissions:
            if not Access(job.user).may(Right.CHANGE, app):
                return False
            graph_migration.require_mail_send(app)
        checked = check_consent(app, found.tenant, now=now)
        return any(one.permission == Permission.MAIL_SEND and one.status == ConsentStatus.GRANTED for one in checked)

    def apply(self, found: Mailbox, row: BulkRow, job: BulkJob, now: datetime, prepared: Any) -> BulkResult:
        if not graph_migration.sends_by_ews(found) or found.app is None:
            return BulkResult(RowState.UNCHANGED, messages.NOT_EWS % {})
        test = graph_migration.last_test(found, now)
        if test is None:
            return self._start_test(found, job, now, is_granted=prepared)
        if test.state == DeliveryState.SENT:
            graph_migration.switch(found, now)
            return BulkResult(RowState.DONE, messages.MOVED % {})
        if test.state in (DeliveryState.PENDING, DeliveryState.SENDING):
            return BulkResult(RowState.WAITING, messages.TESTING_GRAPH % {}, not_before=now + RESULT_EXPECTED)
        if row.not_before is None:  # an old failure: try once more
            return self._start_test(found, job, now, is_granted=prepared)
        return BulkResult(RowState.FAILED, messages.GRAPH_FAILED % {})

    def _start_test(self, found: Mailbox, job: BulkJob, now: datetime, *, is_granted: bool) -> BulkResult:
        if not is_granted:
            assert found.app is not None  # noqa: S101 (a mailbox of Exchange Online has an app)
            lacks = Permission.MAIL_SEND not in found.app.permissions
            return BulkResult(RowState.SKIPPED, (messages.APP_NOT_YOURS if lacks else messages.GRAPH_NOT_GRANTED) % {})
        test_send.start(found, job.user.email, transport=TransportName.GRAPH, by=job.user, now=now)
        return BulkResult(RowState.WAITING, messages.TESTING_GRAPH % {}, not_before=now + RESULT_EXPECTED)
