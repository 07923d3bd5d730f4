"""A delivery is one message owed to one recipient; an attempt is one try of it by one route."""

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
from mailer.errors import Answer

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager


class Purpose(models.TextChoices):
    TEST = "test", _("Test send")
    REMINDER = "reminder", _("Reminder")
    CALENDAR = "calendar", _("Calendar entry")
    HOUSE = "house", _("About alertadmin itself")
    CONSENT = "consent", _("Request for consent")
    INVITATION = "invitation", _("Invitation")
    PASSWORD = "password", _("Link to a new password")
    HANDOVER = "handover", _("Secret shown")
    ACCOUNT = "account", _("About a person’s account")
    PROOF = "proof", _("Proof of an address")


class DeliveryState(models.TextChoices):
    PENDING = "pending", _("Waiting")
    SENDING = "sending", _("Being sent")
    SENT = "sent", _("Sent")
    UNCERTAIN = "uncertain", _("Uncertain")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


def _of_tenants(tenants: models.QuerySet[Any]) -> Q:
    """What tells of these tenants and of no other: one digest may tell of many."""
    mine = Q(purpose=Purpose.TEST) & (
        Q(mailbox__tenant__in=tenants) | Q(channel__tenant__in=tenants) | Q(channel__app__tenant__in=tenants)
    )
    mine |= Q(purpose=Purpose.CONSENT, consent_request__tenant__in=tenants)
    for purpose, lines, path in (
        (Purpose.REMINDER, "notices", "reminder__tenant"),
        (Purpose.CALENDAR, "calendar_entries", "tenant"),
    ):
        related = Delivery._meta.get_field(lines).related_model
        told = related._default_manager.filter(delivery=OuterRef("pk")).order_by()  # type: ignore[union-attr]
        theirs = Q(**{f"{path}__in": tenants})
        mine |= (
            Q(purpose=purpose, to_installation=False)
            & Q(Exists(told.filter(theirs)))
            & ~Q(Exists(told.exclude(theirs)))
        )
    return mine


def describe_outcome(tenants: models.QuerySet[Any, Any]) -> Q:
    """For a query of deliveries: what tells of one of these tenants (ids), and perhaps of others."""
    found = Q(purpose=Purpose.CONSENT, consent_request__tenant__in=tenants)
    for purpose, lines, path in (
        (Purpose.REMINDER, "notices", "reminder__tenant"),
        (Purpose.CALENDAR, "corrections", "tenant"),
    ):
        related = Delivery._meta.get_field(lines).related_model
        field = Delivery._meta.get_field(lines).field.name  # type: ignore[union-attr]
        told = related._default_manager.filter(**{field: OuterRef("pk"), f"{path}__in": tenants})  # type: ignore[union-attr]
        found |= Q(Exists(told.order_by()), purpose=purpose)
    return found


@tenant_scoped(_of_tenants)
class Delivery(models.Model):
    INSTALLATION = "installation"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    purpose = models.CharField(_("purpose"), max_length=12, choices=Purpose)
    dedupe_key = models.CharField(max_length=300, unique=True)
    recipient = models.CharField(_("recipient"), max_length=254)
    """An e-mail address, or a channel's name as it was."""
    to_installation = models.BooleanField(default=False, db_default=False)
    """To people or a channel of the installation: whoever has a role in one tenant is not shown who they are, so these
    rows are not of a tenant, whatever they tell of."""
    channel = models.ForeignKey(
        Channel, models.SET_NULL, null=True, blank=True, related_name="deliveries", verbose_name=_("channel")
    )
    channel_label = models.CharField(max_length=60, blank=True, default="")
    """What kind of channel it goes by, such as "Slack", and by nothing else; kept when the channel is deleted. Empty:
    it goes by mail."""
    mailbox = models.ForeignKey(
        Mailbox, models.SET_NULL, null=True, blank=True, related_name="deliveries", verbose_name=_("mailbox")
    )
    """The mailbox under test; a reminder finds its own way (outbox.chain)."""
    transport = models.CharField(max_length=8, choices=TransportName, blank=True)
    """The transport under test, where it is not the mailbox's own."""
    sends_as = models.CharField(max_length=254, blank=True, default="", db_default="")
    """Another address that a test tries to send as, through the mailbox's app; it is to be refused."""
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    urgency = models.DateTimeField(default=timezone.now)
    """Earlier goes first: the end of the most urgent credential in it."""

    subject = models.CharField(_("subject"), max_length=250, blank=True)
    text = models.TextField(blank=True)
    html = models.TextField(blank=True)
    details = models.JSONField(default=list, blank=True)
    """The same for programs, of what goes by a channel: one object for each thing that it tells of."""
    attachments = models.JSONField(default=list, blank=True)
    """`{"name": str, "content_type": str, "parameters": {str: str}, "text": str}` of each (outbox.attached)."""
    composed_at = models.DateTimeField(null=True, blank=True)
    """When the words were fixed; also the Date header, so that a resend is the same message."""
    message_id = models.CharField(max_length=200, blank=True)
    belongs_to = models.CharField(max_length=36, blank=True, default="", db_default="")
    """Whose mail it is, fixed with its words (content.owner_of): a tenant's id, or `INSTALLATION`."""

    state = models.CharField(_("state"), max_length=10, choices=DeliveryState, default=DeliveryState.PENDING)
    not_before = models.DateTimeField(default=timezone.now)
    review_until = models.DateTimeField(null=True, blank=True)
    """Until then it waits for a person to say whether it was told already, before the database was put back from a
    copy. Whoever asks for everything to leave does not ask for it."""
    owner = models.UUIDField(null=True, blank=True)
    """The claim's token: whoever settles must hold it."""
    lease_until = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)
    was_uncertain = models.BooleanField(default=False)
    """One of its attempts may have been accepted though nothing says so."""
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)
    """When it came to its end. An uncertain one without it is looked up, or sent again; only tests end uncertain."""
    cause = models.CharField(max_length=40, blank=True)
    reason = models.TextField(blank=True)
    """Why it is where it is, in one English sentence (see retelling): the last failure's technical line, or why it was
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
    def goes_by_channel(self) -> bool:
        return bool(self.channel_label)

    @property
    def repeats_words(self) -> bool:
        """It may have arrived already, so it is sent again as it was, to the byte."""
        return self.was_uncertain and self.composed_at is not None


class AttemptAnswer(models.TextChoices):
    """`mailer.errors.Answer` in words."""

    REFUSED = Answer.REFUSED.value, _("A clear no")
    BUSY = Answer.BUSY.value, _("Asked to come back later")
    NOT_REACHED = Answer.NOT_REACHED.value, _("The server was not reached")
    CUT_BEFORE = Answer.CUT_BEFORE.value, _("The connection broke before all was sent")
    NO_ANSWER = Answer.NO_ANSWER.value, _("No answer came")
    GATEWAY = Answer.GATEWAY.value, _("A server on the way gave up")
    FOREIGN = Answer.FOREIGN.value, _("An answer that is not the service’s own")


class AttemptOutcome(models.TextChoices):
    OPEN = "open", _("Under way")
    ACCEPTED = "accepted", _("Accepted")
    REFUSED = "refused", _("Not accepted")
    UNKNOWN = "unknown", _("No answer: may have been accepted")
    LOST = "lost", _("Worker was lost: may have been accepted")


UNNAMED = "?"
"""A draft that was being made when its maker was last heard of."""


class Attempt(models.Model):
    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="attempts")
    number = models.PositiveIntegerField()
    owner = models.UUIDField()
    route = models.CharField(_("by"), max_length=320)
    """In words: the address and the transport, the channel, or the relay."""
    mailbox = models.ForeignKey(Mailbox, models.SET_NULL, null=True, blank=True, related_name="attempts")
    channel = models.ForeignKey(Channel, models.SET_NULL, null=True, blank=True, related_name="attempts")
    transport = models.CharField(max_length=8, blank=True)
    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    door = models.CharField(max_length=100, blank=True, default="", db_default="")
    """The server that was asked, by a name that several senders share (routes.Route.endpoint)."""
    outcome = models.CharField(_("outcome"), max_length=10, choices=AttemptOutcome, default=AttemptOutcome.OPEN)
    answer = models.CharField(_("answer"), max_length=12, choices=AttemptAnswer, blank=True, default="", db_default="")
    """What came back for the request that failed; empty if it was accepted, or the worker was lost."""
    cause = models.CharField(max_length=40, blank=True)
    technical = models.TextField(blank=True)
    request_ids = models.JSONField(default=dict, blank=True)
    held_until = models.DateTimeField(null=True, blank=True)
    """How long its server asked us to leave the mailbox or channel alone."""
    draft = models.TextField(blank=True, default="", db_default="")
    """What may lie among the mailbox's drafts: Graph's id of it, `UNNAMED` before that is known, or nothing."""
    steps = models.JSONField(default=list, blank=True)
    """What went well, in order: `{"step": "tenant"|"token"|"permission"|"message", "ms": int, "detail": str}`."""

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["delivery", "number"], name="attempt_number_once")]
        indexes = [
            models.Index(fields=["mailbox", "started_at"], name="attempt_by_mailbox"),
            models.Index(fields=["channel", "started_at"], name="attempt_by_channel"),
            models.Index(fields=["door", "started_at"], name="attempt_by_door"),
            models.Index(fields=["id"], name="attempt_with_draft", condition=Q(draft__gt="")),
            models.Index(fields=["started_at"], name="attempt_by_relay", condition=Q(transport="relay")),
            models.Index(fields=["held_until"], name="attempt_held", condition=Q(held_until__isnull=False)),
        ]
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")

    def __str__(self) -> str:
        return f"{self.number}: {self.route}"
