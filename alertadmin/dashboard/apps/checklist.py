"""Checklist of an app registration: the steps from registered to verified, each done or with a link to do it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alertadmin.accounts.access import Access
from alertadmin.accounts.roles import Right
from alertadmin.dashboard.ui.badges import AMBER_DAYS
from alertadmin.outbox.models import Delivery, DeliveryState, Purpose
from alertadmin.registry.models import AppRegistration, Consent, ConsentStatus, Credential
from alertadmin.reminders.compose.digest import time_left


@dataclass(frozen=True)
class ChecklistStep:
    """One step. `url` and `act` lead to the page that completes it; both are empty for a finished step without one."""

    is_done: bool
    text: str
    act: str = ""
    url: str = ""
    right: Right = Right.LOOK
    """Right needed for `act`."""


def steps(app: AppRegistration, consents: Iterable[Consent], now: datetime, access: Access) -> list[ChecklistStep]:
    """The steps in the order of setup. Few queries beyond the rows passed in."""
    return [_secret(app, now), _consent(app, list(consents)), _mailbox(app), _test(app, access)]


def _secret(app: AppRegistration, now: datetime) -> ChecklistStep:
    current = app.current_credential
    if current is None:
        return ChecklistStep(
            False, _("No secret is in use."), _("Add a secret"), reverse("credential-add", args=[app.pk]), Right.CHANGE
        )
    text = _("Secret in use: %(left)s.") % {"left": time_left(current.expires_at, now)}
    if current.expires_at > now + timedelta(days=AMBER_DAYS):
        return ChecklistStep(True, text)
    waiting: Credential | None = next((one for one in app.credentials.all() if one.state == "next"), None)
    if waiting is not None:
        another = _("Another one is waiting to be verified.")
        return ChecklistStep(False, f"{text} {another}", _("Show"), waiting.get_absolute_url())
    return ChecklistStep(False, text, _("Replace"), reverse("credential-replace", args=[current.pk]), Right.CHANGE)


def _consent(app: AppRegistration, consents: list[Consent]) -> ChecklistStep:
    act, url = _("See consent"), f"{app.get_absolute_url()}#consent"
    if not app.required_permissions:
        text = _("No permission is required yet.")
        return ChecklistStep(False, text, _("Choose permissions"), reverse("app-edit", args=[app.pk]), Right.CHANGE)
    if not consents or all(consent.status == ConsentStatus.UNKNOWN for consent in consents):
        return ChecklistStep(False, _("Consent has not been checked yet."), act, url)
    missing = sum(consent.status != ConsentStatus.GRANTED for consent in consents)
    if missing:
        text = ngettext("%(count)d permission is not granted.", "%(count)d permissions are not granted.", missing)
        return ChecklistStep(False, text % {"count": missing}, act, url)
    return ChecklistStep(True, _("All required permissions are granted."))


def _mailbox(app: AppRegistration) -> ChecklistStep:
    mailboxes = list(app.mailboxes.all())
    if not mailboxes:
        url = f"{reverse('mailbox-add')}?app={app.pk}"
        return ChecklistStep(False, _("No mailbox sends through it yet."), _("Add a mailbox"), url, Right.CHANGE)
    ways = ", ".join(sorted({str(mailbox.get_transport_display()) for mailbox in mailboxes}))
    text = ngettext("%(count)d mailbox sends, by %(ways)s.", "%(count)d mailboxes send, by %(ways)s.", len(mailboxes))
    return ChecklistStep(True, text % {"count": len(mailboxes), "ways": ways})


def _test(app: AppRegistration, access: Access) -> ChecklistStep:
    tests = access.visible(Delivery).filter(mailbox__app=app, purpose=Purpose.TEST, sends_as="")
    last = tests.order_by("-created_at").defer("text", "html", "attachments").first()
    first_mailbox = next(iter(app.mailboxes.all()), None)
    url = first_mailbox.get_absolute_url() if first_mailbox else ""
    if last is None:
        return ChecklistStep(
            False, _("No test has been sent yet."), _("Send a test") if url else "", url, Right.OPERATE
        )
    if last.state == DeliveryState.SENT:
        return ChecklistStep(True, _("The last test was accepted."))
    url = reverse("test-send-progress", args=[last.pk])
    if last.state in (DeliveryState.PENDING, DeliveryState.SENDING):
        return ChecklistStep(False, _("A test is in progress."), _("Show"), url)
    if last.state == DeliveryState.UNCERTAIN:
        return ChecklistStep(False, _("The last test may have been accepted."), _("See why"), url)
    return ChecklistStep(False, _("The last test failed."), _("See why"), url)
