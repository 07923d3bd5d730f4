"""The known wrong orders of things, in the place of ours: each is what a trusted system does, or did.

The last is this project's own, until December 2026.

Sources: Netflix/lemur lemur/notifications/messaging.py; healthchecks hc/api/management/commands/sendalerts.py; Let's
Encrypt's boulder cmd/expiration-mailer (gone since 2025); ui/django-post_office post_office/mail.py.
"""

from __future__ import annotations

from uuid import uuid4

from alertadmin.outbox.delivery import sender
from alertadmin.outbox.delivery.routing import Router
from alertadmin.outbox.mails import composers
from alertadmin.outbox.models import Attempt, Delivery, DeliveryState, Purpose
from alertadmin.outbox.queue.claims import due
from alertadmin.outbox.queue.failpoints import failpoint
from alertadmin.registry.models import Credential
from alertadmin.reminders import policies, recipients
from alertadmin.reminders.models import Reminder, ReminderLine, Scan
from mailer.errors import Acceptance, SendError
from tests.reminders.faults import Trouble
from tests.reminders.state_machine import History


class WrongOrder(History):
    judges_rows = False

    def works_in_trouble(self, trouble: Trouble, times: int | None) -> None:
        """No rule here: what it makes of a lost answer is another matter."""

    def outage_begins(self, trouble: Trouble) -> None:
        """As above."""

    def sends(self, delivery: Delivery) -> bool:
        """Whether nothing is left to do."""
        try:
            return self.tries(delivery)
        except SendError:
            return False

    def tries(self, delivery: Delivery) -> bool:
        """One mail by the first route, composed like ours; nothing if no reminder is due. Raises SendError."""
        composed = composers.compose(delivery, self.now)
        if not isinstance(composed, composers.Content):
            return not isinstance(composed, composers.Deferred)
        delivery.save(update_fields=list(sender._content_fields(delivery, composed, self.now)))
        route = Router.for_reminders(self.now).installation_routes[0]
        message = sender._message(delivery, route, composed, None)
        attempt = Attempt(delivery=delivery, route=route.label)
        # None of these orders keeps the id of a draft: it has no row to keep it in.
        sender.send(delivery, attempt, lambda on_step, _keep: route.send(message, on_step, lambda _draft: None))
        return True

    def due(self) -> list[Delivery]:
        return list(due(self.now).filter(state=DeliveryState.PENDING))


class MarkFirst(WrongOrder):
    """As in healthchecks: mark first, then send; if the process is killed in between, it is never sent."""

    def system_works(self) -> None:
        for delivery in self.due():
            if Delivery.objects.filter(pk=delivery.pk, state="pending").update(state=DeliveryState.SENT):
                failpoint("after-claim")
                if not self.sends(delivery):
                    Delivery.objects.filter(pk=delivery.pk).update(state=DeliveryState.PENDING)


class SendFirst(WrongOrder):
    """boulder: sent, then marked; killed in between, it is sent anew as if it never had been."""

    def system_works(self) -> None:
        for delivery in self.due():
            if self.sends(delivery):
                failpoint("before-settle")
                Delivery.objects.filter(pk=delivery.pk).update(state=DeliveryState.SENT)


class MarkTheBatch(WrongOrder):
    """django-post_office: the whole batch is marked once all of it was sent."""

    def system_works(self) -> None:
        batch = self.due()
        sent = [delivery.pk for delivery in batch if self.sends(delivery)]
        failpoint("before-settle")
        Delivery.objects.filter(pk__in=sent).update(state=DeliveryState.SENT)


class UncertainIsAnEnd(WrongOrder):
    """An earlier version of ours: an uncertain message is sent once more, and then settled as uncertain."""

    works_in_trouble = History.works_in_trouble
    outage_begins = History.outage_begins

    def system_works(self) -> None:
        for delivery in self.due():
            try:
                state = DeliveryState.SENT if self.tries(delivery) else DeliveryState.PENDING
            except SendError as failure:
                is_end = failure.outcome == Acceptance.UNKNOWN and delivery.was_uncertain
                state = DeliveryState.UNCERTAIN if is_end else DeliveryState.PENDING
                delivery.was_uncertain |= failure.outcome == Acceptance.UNKNOWN
            Delivery.objects.filter(pk=delivery.pk).update(
                state=state,
                was_uncertain=delivery.was_uncertain,
                settled_at=self.now if state == DeliveryState.UNCERTAIN else None,
            )


class OnTheVeryDay(WrongOrder):
    """As in lemur: sent if it expires in exactly so many days, without a record of sent reminders."""

    has_rows = False

    def system_scans(self) -> None:
        run = Scan.objects.create(started_at=self.now, finished_at=self.now)
        for credential in Credential.objects.watched().select_related("app__tenant"):
            days = (credential.expires_at - self.now).days
            people = recipients.audience_of(credential.app.tenant, credential.app)
            if days in policies.effective_policy(credential.app.tenant, credential.app).plan.thresholds:
                for address in people.first:
                    self._owes(run, credential, days, address)
        failpoint("scan-written")
        failpoint("scan-committed")

    def _owes(self, run: Scan, credential: Credential, days: int, address: str) -> None:
        """A row to send from, another each time."""
        delivery = Delivery.objects.create(
            purpose=Purpose.REMINDER,
            dedupe_key=str(uuid4()),
            recipient=address,
            created_at=self.now,
            not_before=self.now,
        )
        reminder, _is_new = Reminder.objects.get_or_create(
            credential=credential,
            expires_at=credential.expires_at,
            threshold=days,
            defaults={"scan": run, "tenant": credential.app.tenant, "app": credential.app},
        )
        ReminderLine.objects.create(reminder=reminder, delivery=delivery)
