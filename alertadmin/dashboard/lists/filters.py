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


def expiry_filter(credentials: Callable[[], Any], row: str, *, or_none: bool) -> Filter:
    """Rows with one of `credentials` that expires as chosen; `row` is the path from it to the row. `or_none` also
    offers those without any. The credentials are found first, by their expiry dates: one look for each row takes
    minutes at 100,000 secrets."""

    def where(chosen: str) -> Q:
        if chosen == WITHOUT:
            return ~Q(Exists(credentials().filter(**{row: OuterRef("pk")})))
        found = credentials().filter(expiry_condition(chosen, timezone.now()))
        return Q(pk__in=found.values(row))

    none = [(WITHOUT, gettext_lazy("no secret in use"))] if or_none else []
    return Filter(gettext_lazy("Expires"), lambda: [*expiry_choices(timezone.now()), *none], where)


def secrets_in_use() -> Any:
    return Credential.objects.filter(state=CredentialState.CURRENT).order_by()


def monitored_secrets() -> Any:
    return Credential.objects.watched().order_by()


def consent_filter(outer: str) -> Filter:
    """Rows with a consent of that status; `outer` is the consent's field that refers to the row. "All granted" means
    that there is a consent and none has another status."""

    def where(chosen: str) -> Q:
        found = Consent.objects.order_by()
        if chosen == ConsentStatus.GRANTED:
            others = found.exclude(status=ConsentStatus.GRANTED)
            return Q(pk__in=found.filter(status=ConsentStatus.GRANTED).values(outer)) & ~Q(pk__in=others.values(outer))
        return Q(pk__in=found.filter(status=chosen).values(outer))

    return Filter(gettext_lazy("Consent"), CONSENT_CHOICES, where)
