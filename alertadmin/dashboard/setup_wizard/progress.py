"""Status of each step, derived from the registered rows; no separate state is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from alertadmin.dashboard.ui.badges import BAD, DOUBTFUL, GOOD, UNDER_WAY, UNKNOWN, Badge
from alertadmin.outbox.models import Delivery, DeliveryState, Purpose
from alertadmin.registry.models import Consent, ConsentStatus, Credential, CredentialState, SetupProgress

STEPS: dict[str, str | Promise] = {
    "directory": _("Directory"),
    "application": _("Application"),
    "permissions": _("Permissions"),
    "consent": _("Consent"),
    "credential": _("Secret or certificate"),
    "mailbox": _("Sending mailbox"),
    "test": _("Test send"),
    "settings": _("Settings sheet"),
}
"""Steps in order; the keys are those of the URL names `guide-<name>`."""
TO_DO = (UNKNOWN, _("to do"))
DONE = (GOOD, _("done"))
LATER = (Badge("secondary", "clock"), _("checked after step 5"))
SCOPED = (Badge("secondary", "shield-check"), _("by Exchange, not Entra"))
Standing = tuple[Badge, str | Promise]


@dataclass(frozen=True)
class WizardStep:
    name: str
    number: int
    label: str | Promise
    badge: Badge
    word: str | Promise
    url: str
    """Empty while an earlier step is missing."""


def steps(guide: SetupProgress) -> list[WizardStep]:
    stand = step_statuses(guide)
    return [
        WizardStep(name, number, label, *stand[name], url(guide, name) if is_reachable(guide, name) else "")
        for number, (name, label) in enumerate(STEPS.items(), 1)
    ]


def url(guide: SetupProgress, name: str) -> str:
    return reverse(f"guide-{name}", args=[guide.pk])


def is_reachable(guide: SetupProgress, name: str) -> bool:
    if name in ("directory", "application"):
        return True
    return guide.app is not None and (guide.mailbox is not None or name not in ("test", "settings"))


def first_open(guide: SetupProgress) -> str:
    """The first step that needs action."""
    stand = step_statuses(guide)
    passed = (DONE, LATER, SCOPED)
    return next((name for name in STEPS if stand[name] not in passed and is_reachable(guide, name)), "settings")


def step_statuses(guide: SetupProgress) -> dict[str, Standing]:
    credential = unverified_credential(guide) or verified_credential(guide)
    return {
        "directory": DONE,
        "application": DONE if guide.app else TO_DO,
        "permissions": DONE if guide.app and guide.app.required_permissions else TO_DO,
        "consent": _consent(guide),
        "credential": _credential(credential),
        "mailbox": DONE if guide.mailbox else TO_DO,
        "test": _test(last_test(guide)),
        "settings": TO_DO,
    }


def consents(guide: SetupProgress) -> list[Consent]:
    """Consents in the mailbox's directory."""
    if guide.app is None:
        return []
    return list(Consent.objects.filter(app=guide.app, tenant=guide.mailbox_tenant).select_related("app", "tenant"))


def unverified_credential(guide: SetupProgress) -> Credential | None:
    """The credential without a token: a waiting one, or the first one."""
    watched = _watched(guide)
    waiting = next((one for one in watched if one.state == CredentialState.NEXT), None)
    return waiting or next((one for one in watched if one.proven_at is None), None)


def verified_credential(guide: SetupProgress) -> Credential | None:
    return next((one for one in _watched(guide) if one.proven_at and one.state == CredentialState.CURRENT), None)


def last_test(guide: SetupProgress) -> Delivery | None:
    """The last test as the mailbox itself; tests as another mailbox do not count."""
    if guide.mailbox is None:
        return None
    tests = Delivery.objects.filter(mailbox=guide.mailbox, purpose=Purpose.TEST, sends_as="").order_by("-created_at")
    return tests.select_related("mailbox__app__tenant", "mailbox__tenant", "channel").first()


def _watched(guide: SetupProgress) -> Sequence[Credential]:
    return list(guide.app.credentials.usable()) if guide.app else []  # type: ignore[attr-defined]


def _consent(guide: SetupProgress) -> Standing:
    if guide.app is None or not guide.app.required_permissions:
        return TO_DO
    if guide.is_scoped:
        return SCOPED
    if verified_credential(guide) is None:
        return LATER
    found = consents(guide)
    if found and all(one.status == ConsentStatus.GRANTED for one in found):
        return DONE
    return (DOUBTFUL, _("not granted yet")) if any(one.checked_at for one in found) else TO_DO


def _credential(credential: Credential | None) -> Standing:
    if credential is None:
        return TO_DO
    return (DOUBTFUL, _("not verified yet")) if credential.proven_at is None or credential.state == "next" else DONE


def _test(test: Delivery | None) -> Standing:
    if test is None:
        return TO_DO
    if test.state == DeliveryState.SENT:
        return DONE
    if test.state in (DeliveryState.PENDING, DeliveryState.SENDING):
        return UNDER_WAY, _("in progress")
    return BAD, _("failed")
