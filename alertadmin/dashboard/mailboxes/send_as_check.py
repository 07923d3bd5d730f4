"""Check whether an app can send as other mailboxes of its tenant: a test as one of them must be refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alertadmin.accounts.email_address import EmailAddressInput
from alertadmin.dashboard.mailboxes.send_test_progress import is_under_way
from alertadmin.dashboard.ui.badges import DOUBTFUL, GOOD, UNDER_WAY, Badge
from alertadmin.outbox.models import Delivery, DeliveryState, Purpose
from alertadmin.registry.models import Consent, Mailbox
from mailer.email_address import is_same

REFUSED = frozenset({"mailbox_access_denied", "send_as_denied", "role_missing"})
"""Causes with which Exchange refuses the sender."""
TOO_FAR = Badge("danger", "triangle-alert")
SHOWN = 5
OFFERED = 50


class ScopeForm(forms.Form):
    other = EmailAddressInput(
        label=gettext_lazy("Another mailbox of this tenant"),
        help_text=gettext_lazy(
            "A mailbox that the app does not need. If the app can send as it, you receive the mail."
        ),
    )

    def __init__(self, *args: Any, mailbox: Mailbox, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.mailbox = mailbox
        known = Mailbox.objects.filter(tenant=mailbox.tenant_id, server="").exclude(
            address_canonical=mailbox.address_canonical
        )
        self.others = sorted(set(known.values_list("address", flat=True)[:OFFERED]))
        self.fields["other"].widget.attrs |= {"list": "others", "autocomplete": "off"}

    def clean_other(self) -> str:
        other: str = self.cleaned_data["other"]
        if is_same(other, self.mailbox.address):
            raise forms.ValidationError(_("This is the mailbox itself: enter another one."))
        return other


@dataclass(frozen=True)
class SendAsVerdict:
    badge: Badge
    label: str
    words: str


def panel_context(mailbox: Mailbox, form: ScopeForm | None = None) -> dict[str, Any]:
    """Context of `mailboxes/scope.html`."""
    shown = [(test, assess_test(test)) for test in send_as_tests(mailbox)]
    return {
        "consent": _consent_of(mailbox),
        "scope_form": form or ScopeForm(mailbox=mailbox),
        "tries": shown,
        "is_trying": any(is_under_way(test) for test, _verdict in shown),
    }


def _consent_of(mailbox: Mailbox) -> Consent | None:
    if mailbox.app is None or mailbox.is_personal or mailbox.permission is None:
        return None
    found: Consent | None = mailbox.app.consents.filter(tenant=mailbox.tenant, permission=mailbox.permission).first()
    return found


def send_as_tests(mailbox: Mailbox) -> list[Delivery]:
    """Test sends as another mailbox, newest first."""
    found = mailbox.deliveries.filter(purpose=Purpose.TEST).exclude(sends_as="")
    return list(found.defer("text", "html", "attachments").order_by("-created_at")[:SHOWN])


def assess_test(test: Delivery) -> SendAsVerdict:
    """Result of a test as another mailbox. A refusal proves a scope only if the mailbox itself can send."""
    other = {"address": test.sends_as}
    if is_under_way(test):
        return SendAsVerdict(UNDER_WAY, _("Test in progress"), "")
    if test.state == DeliveryState.SENT:
        words = _("The app can also send as %(address)s: it is not restricted, or its scope includes that mailbox.")
        return SendAsVerdict(TOO_FAR, _("Accepted"), words % other)
    if test.state == DeliveryState.FAILED and test.cause in REFUSED:
        if _was_let_in(test):
            return SendAsVerdict(
                GOOD, _("Refused: restricted"), _("Exchange does not let the app send as %(address)s.") % other
            )
        words = _("Exchange does not let the app send as %(address)s. Send a test as the mailbox itself too.") % other
        return SendAsVerdict(DOUBTFUL, _("Refused: no mailbox is allowed"), words)
    if test.cause == "mailbox_not_found":
        return SendAsVerdict(
            DOUBTFUL, _("No such mailbox"), _("There is no mailbox %(address)s: the test is inconclusive.") % other
        )
    return SendAsVerdict(DOUBTFUL, _("Inconclusive"), _("It failed for a reason other than the sender."))


def _was_let_in(test: Delivery) -> bool:
    own = Delivery.objects.filter(mailbox=test.mailbox_id, purpose=Purpose.TEST, sends_as="")
    return own.filter(state=DeliveryState.SENT).exists()
