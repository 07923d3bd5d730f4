"""A delivery is one message to one recipient; an attempt is one try to send it by one route."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from alertadmin.audit.tenant_scope import tenant_scoped
from alertadmin.outbox.models.channel import Channel
from alertadmin.registry.models import Mailbox
from alertadmin.registry.permissions import TransportName
from alertadmin.stored_values import ObjectField, ObjectListField
from mailer.coded_text import english
from mailer.errors import Answer

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager


class Purpose(models.TextChoices):
    TEST = "test", _("Test send")
    REMINDER = "reminder", _("Reminder")
    CALENDAR = "calendar", _("Calendar entry")
    HOUSE = "house", _("About alertadmin")
    CONSENT = "consent", _("Request for consent")
    RENEWAL = "renewal", _("Request to renew secrets")
    INVITATION = "invitation", _("Invitation")
    PASSWORD = "password", _("Link to a new password")
    HANDOVER = "handover", _("Secret shown")
    ACCOUNT = "account", _("About a user’s account")
    PROOF = "proof", _("Address confirmation")


class DeliveryState(models.TextChoices):
    PENDING = "pending", _("Waiting")
    SENDING = "sending", _("Being sent")
    SENT = "sent", _("Sent")
    UNCERTAIN = "uncertain", _("Uncertain")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


def _of_tenants(tenants: models.QuerySet[Any]) -> Q:
    """Deliveries about these tenants and no others: one digest may cover several tenants."""
    mine = Q(purpose=Purpose.TEST) & (
        Q(mailbox__tenant__in=tenants) | Q(channel__tenant__in=tenants) | Q(channel__app__tenant__in=tenants)
    )
    mine |= _requested_of(tenants)
    for purpose, lines, path in (
        (Purpose.REMINDER, "notices", "reminder__tenant"),
        (Purpose.CALENDAR, "calendar_entries", "tenant"),
    ):
        related = Delivery._meta.get_field(lines).related_model
        related_rows = related._default_manager.filter(delivery=OuterRef("pk")).order_by()  # type: ignore[union-attr]
        theirs = Q(**{f"{path}__in": tenants})
        mine |= (
            Q(purpose=purpose, to_installation=False)
            & Q(Exists(related_rows.filter(theirs)))
            & ~Q(Exists(related_rows.exclude(theirs)))
        )
    return mine


def _requested_of(tenants: models.QuerySet[Any, Any]) -> Q:
    """Mails to the contacts of one of these tenants, at the request of a user."""
    return Q(purpose=Purpose.CONSENT, consent_request__tenant__in=tenants) | Q(
        purpose=Purpose.RENEWAL, renewal_request__tenant__in=tenants
    )


def about_tenants(tenants: models.QuerySet[Any, Any]) -> Q:
    """Filter of deliveries about one of these tenants (ids), and perhaps about others."""
    found = _requested_of(tenants)
    for purpose, lines, path in (
        (Purpose.REMINDER, "notices", "reminder__tenant"),
        (Purpose.CALENDAR, "corrections", "tenant"),
    ):
        related = Delivery._meta.get_field(lines).related_model
        field = Delivery._meta.get_field(lines).field.name  # type: ignore[union-attr]
        related_rows = related._default_manager.filter(**{field: OuterRef("pk"), f"{path}__in": tenants})  # type: ignore[union-attr]
        found |= Q(Exists(related_rows.order_by()), purpose=purpose)
    return found


@tenant_scoped(_of_tenants)
class Delivery(models.Model):
    INSTALLATION = "installation"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    purpose = models.CharField(_("purpose"), max_length=12, choices=Purpose)
    dedupe_key = models.CharField(max_length=300, unique=True)
    recipient = models.CharField(_("recipient"), max_length=254)
    """An e-mail address, or the channel's name at that time."""
    to_installation = models.BooleanField(default=False, db_default=False)
    """Addressed to users or a channel of the installation. Users with a role in one tenant must not see who those are,
    so such rows are outside every tenant's scope."""
    channel = models.ForeignKey(
        Channel, models.SET_NULL, null=True, blank=True, related_name="deliveries", verbose_name=_("channel")
    )
    channel_label = models.CharField(max_length=60, blank=True, default="")
    """The kind of channel that it uses exclusively, such as "Slack"; kept when the channel is deleted. Empty: it is
    sent by mail."""
    mailbox = models.ForeignKey(
        Mailbox, models.SET_NULL, null=True, blank=True, related_name="deliveries", verbose_name=_("mailbox")
    )
    """The mailbox under test; a reminder's route is chosen when it is sent (delivery.routing)."""
    transport = models.CharField(max_length=8, choices=TransportName, blank=True)
    """The transport under test, if it is not the mailbox's own."""
    sends_as = models.CharField(max_length=254, blank=True, default="", db_default="")
    """Another address that a test tries to send as, through the mailbox's app; this should be refused."""
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    urgency = models.DateTimeField(default=timezone.now)
    """Earlier is sent first: the expiry of the most urgent credential in it."""

    subject = models.CharField(_("subject"), max_length=250, blank=True)
    text = models.TextField(blank=True)
    html = models.TextField(blank=True)
    details = ObjectListField(default=list, blank=True)
    """The content for programs, if sent by a channel: one object for each item."""
    attachments = ObjectListField(
        keys={"name": str, "content_type": str, "parameters": dict, "text": str}, default=list, blank=True
    )
    """`{"name": str, "content_type": str, "parameters": {str: str}, "text": str}` of each (mails.composers)."""
    composed_at = models.DateTimeField(null=True, blank=True)
    """When the content was fixed; also the Date header, so that a resend is the same message."""
    message_id = models.CharField(max_length=200, blank=True)
    belongs_to = models.CharField(max_length=36, blank=True, default="", db_default="")
    """The owner, fixed with the content (composers.owner_of): a tenant's id, or `INSTALLATION`."""

    state = models.CharField(_("status"), max_length=10, choices=DeliveryState, default=DeliveryState.PENDING)
    not_before = models.DateTimeField(default=timezone.now)
    review_until = models.DateTimeField(null=True, blank=True)
    """Until then it waits for a user to decide, after a database restore, whether it was sent before. "Send now" for
    all reminders does not include it."""
    owner = models.UUIDField(null=True, blank=True)
    """The claim's token: only its holder may finish the delivery."""
    lease_until = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)
    was_uncertain = models.BooleanField(default=False)
    """One of its attempts may have been accepted without proof."""
    settled_at = models.DateTimeField(_("finished"), null=True, blank=True)
    """When it was settled. An uncertain delivery without it is looked up or sent again; only tests end uncertain."""
    cause = models.CharField(max_length=40, blank=True)
    reason = models.TextField(blank=True)
    """Why it is in this state, as a stored text (see stored_messages): the last failure's technical line, or why it was
    cancelled."""

    if TYPE_CHECKING:
        attempts: RelatedManager[Attempt]

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="delivery_newest"),
            models.Index(
                fields=["urgency", "id"],
                name="delivery_open",
                condition=Q(state__in=["pending", "sending", "uncertain"]),
            ),
        ]
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")

    def __str__(self) -> str:
        return gettext("%(label)s: %(value)s") % {"label": self.get_purpose_display(), "value": self.recipient}

    @property
    def uses_channel(self) -> bool:
        return bool(self.channel_label)

    @property
    def repeats_content(self) -> bool:
        """Whether it may have arrived already, so that a resend must be byte-identical."""
        return self.was_uncertain and self.composed_at is not None


class AttemptAnswer(models.TextChoices):
    """Labels of `mailer.errors.Answer`."""

    REFUSED = Answer.REFUSED.value, _("Rejected")
    BUSY = Answer.BUSY.value, _("Asked to retry later")
    NOT_REACHED = Answer.NOT_REACHED.value, _("The server could not be reached")
    CUT_BEFORE = Answer.CUT_BEFORE.value, _("The connection broke before the message was complete")
    NO_ANSWER = Answer.NO_ANSWER.value, _("No answer came")
    GATEWAY = Answer.GATEWAY.value, _("An intermediate server gave up")
    FOREIGN = Answer.FOREIGN.value, _("An answer from another server than the service")


class AttemptOutcome(models.TextChoices):
    OPEN = "open", _("In progress")
    ACCEPTED = "accepted", _("Accepted")
    REFUSED = "refused", _("Not accepted")
    UNKNOWN = "unknown", _("No answer: may have been accepted")
    LOST = "lost", _("Worker lost: may have been accepted")


UNNAMED = "?"
"""A draft whose creation was requested, and whose id is not known yet."""


class Attempt(models.Model):
    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="attempts")
    number = models.PositiveIntegerField()
    owner = models.UUIDField()
    route = models.CharField(_("by"), max_length=320)
    """Label: the address and the transport, the channel, or the relay."""
    mailbox = models.ForeignKey(Mailbox, models.SET_NULL, null=True, blank=True, related_name="attempts")
    channel = models.ForeignKey(Channel, models.SET_NULL, null=True, blank=True, related_name="attempts")
    transport = models.CharField(max_length=8, blank=True)
    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    endpoint = models.CharField(max_length=100, blank=True, default="", db_default="", db_column="door")
    """Name of the server, shared by several senders (routes.Route.endpoint)."""
    outcome = models.CharField(_("outcome"), max_length=10, choices=AttemptOutcome, default=AttemptOutcome.OPEN)
    answer = models.CharField(_("answer"), max_length=12, choices=AttemptAnswer, blank=True, default="", db_default="")
    """How the server answered the request that failed; empty if it was accepted, or the worker was lost."""
    cause = models.CharField(max_length=40, blank=True)
    technical = models.TextField(blank=True)
    request_ids = ObjectField(default=dict, blank=True)
    held_until = models.DateTimeField(null=True, blank=True)
    """Until when the server asked not to use the mailbox or channel."""
    draft = models.TextField(blank=True, default="", db_default="")
    """The draft that may exist in the mailbox: Graph's id of it, `UNNAMED` while that is not known, or empty."""
    steps = ObjectListField(keys={"step": str, "ms": int, "detail": str}, default=list, blank=True)
    """The steps that succeeded, in order: `{"step": "tenant"|"token"|"permission"|"message", "ms": int, "detail":
    str}`."""

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["delivery", "number"], name="attempt_number_once")]
        indexes = [
            models.Index(fields=["mailbox", "started_at"], name="attempt_by_mailbox"),
            models.Index(fields=["channel", "started_at"], name="attempt_by_channel"),
            models.Index(fields=["endpoint", "started_at"], name="attempt_by_door"),
            models.Index(fields=["id"], name="attempt_with_draft", condition=Q(draft__gt="")),
            models.Index(fields=["started_at"], name="attempt_by_relay", condition=Q(transport="relay")),
            models.Index(fields=["held_until"], name="attempt_held", condition=Q(held_until__isnull=False)),
        ]
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")

    def __str__(self) -> str:
        return f"{self.number}: {english(self.route)}"
