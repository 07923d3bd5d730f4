"""Filters that several lists share: by expiry of the secret in use, and by consent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy

from alertadmin.dashboard.credentials.table import expiry_choices, expiry_condition
from alertadmin.dashboard.ui.tables import Filter
from alertadmin.registry.models import Consent, ConsentStatus, Credential, CredentialState

WITHOUT = "none"
CONSENT_CHOICES = [
    (ConsentStatus.NOT_IN_TOKEN, ConsentStatus.NOT_IN_TOKEN.label),
    (ConsentStatus.ERROR, gettext_lazy("Could not be checked")),
    (ConsentStatus.UNKNOWN, ConsentStatus.UNKNOWN.label),
    (ConsentStatus.GRANTED, gettext_lazy("All granted")),
]


def expiry_filter(credentials: Callable[[], Any], *, or_none: bool) -> Filter:
    """Rows with one of `credentials` (a queryset that refers to the outer row) that expires as chosen; with `or_none`
    also those without any."""

    def where(chosen: str) -> Q:
        if chosen == WITHOUT:
            return ~Q(Exists(credentials()))
        return Q(Exists(credentials().filter(expiry_condition(chosen, timezone.now()))))

    none = [(WITHOUT, gettext_lazy("no secret in use"))] if or_none else []
    return Filter(gettext_lazy("Expires"), lambda: [*expiry_choices(timezone.now()), *none], where)


def secret_in_use_of_app() -> Any:
    return Credential.objects.filter(app=OuterRef("pk"), state=CredentialState.CURRENT).order_by()


def monitored_secrets_of_tenant() -> Any:
    return Credential.objects.watched().filter(app__tenant=OuterRef("pk")).order_by()


def consent_filter(outer: str) -> Filter:
    """Rows with a consent of that status; `outer` is the consent's field that refers to the row. "All granted" means
    that there is a consent and none has another status."""

    def where(chosen: str) -> Q:
        found = Consent.objects.filter(**{outer: OuterRef("pk")}).order_by()
        if chosen == ConsentStatus.GRANTED:
            return Q(Exists(found)) & ~Q(Exists(found.exclude(status=ConsentStatus.GRANTED)))
        return Q(Exists(found.filter(status=chosen)))

    return Filter(gettext_lazy("Consent"), CONSENT_CHOICES, where)
