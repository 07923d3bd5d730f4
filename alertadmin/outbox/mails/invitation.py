"""The invitation mail. The row does not contain the link: it is inserted when the message is sent, and only there."""

from __future__ import annotations

from datetime import datetime

import css_inline
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from alertadmin.accounts.models import User
from alertadmin.accounts.models.invitation import Invitation
from alertadmin.outbox import mail_limits, messages
from alertadmin.outbox.mails.composers import Content, Obsolete
from alertadmin.outbox.mails.recipient_language import language_of_user
from alertadmin.outbox.models import Delivery, Purpose
from alertadmin.outbox.queue import wakeup
from alertadmin.registry.safe_names import clean

PREFIX = "invitation:"
LINK = "https://link.invalid/"
"""Placeholder of the link in the stored text."""


def send(invitation: Invitation, now: datetime, *, by: User | None) -> Delivery:
    """Write the mail and wake the worker. Its key is the link's: each link is sent once. Raises TooManyMails, which
    rolls back the transaction that made or renewed the invitation."""
    tenants = list(invitation.roles.values_list("tenant", flat=True))
    mail_limits.count_mail_of(by, tenants, invitation.address, now)
    delivery, _made = Delivery.objects.get_or_create(
        dedupe_key=f"{PREFIX}{invitation.key}",
        defaults={
            "purpose": Purpose.INVITATION,
            "recipient": invitation.address,
            "created_at": now,
            "not_before": now,
            "urgency": now,
        },
    )
    wakeup.notify_worker()
    return delivery


def compose(delivery: Delivery, now: datetime) -> Content | Obsolete:
    invitation = _invitation(delivery)
    if invitation is None or not invitation.is_open(now):
        return Obsolete(messages.INVITATION_OBSOLETE)
    language = _language(invitation)
    with translation.override(language):
        context = {
            "subject": _("You are invited to alertadmin"),
            "invitation": invitation,
            "by": clean(_name(invitation.invited_by)) if invitation.invited_by else "",
            "roles": [
                (role.get_role_display(), clean(role.tenant.name) if role.tenant else _("all tenants"))
                for role in invitation.roles.select_related("tenant").order_by("tenant__name", "pk")
            ],
            "link": LINK,
        }
        html = css_inline.inline(render_to_string("users/invitation_mail.html", context), load_remote_stylesheets=False)
        text = render_to_string("users/invitation_mail.txt", context)
        return Content(str(context["subject"]), text, html, language=language)


def _language(invitation: Invitation) -> str:
    """The recipient's own, else the one that was chosen for this mail, else that of the only tenant it is about."""
    user = User.objects.by_address(invitation.address)
    if user is None or not user.own_language:
        tenants = {role.tenant for role in invitation.roles.select_related("tenant")}
        return invitation.language or language_of_user(user, tenants.pop() if len(tenants) == 1 else None)
    return user.own_language


def _name(user: User) -> str:
    return user.name or user.email.partition("@")[0]


def fill(delivery: Delivery, words: str) -> str:
    """Insert the link into the stored text, for sending only."""
    invitation = _invitation(delivery)
    return words.replace(LINK, invitation.link) if invitation else words


def _invitation(delivery: Delivery) -> Invitation | None:
    pk, _dot, nonce = delivery.dedupe_key.removeprefix(PREFIX).partition(".")
    return Invitation.objects.filter(pk=pk, nonce=nonce).select_related("invited_by").first()
