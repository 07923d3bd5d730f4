"""Rows for the consents that the apps require, so that pages also show those that were never checked."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from alertadmin.registry.consent.checks import required_pairs
from alertadmin.registry.models import AppRegistration, Consent

BATCH = 500


@transaction.atomic
def sync_required_consents(apps: Iterable[AppRegistration]) -> None:
    """Create a row of status "unknown" for each required consent without one, and delete those no longer required."""
    apps = list(apps)
    wanted = {
        (pair.app.pk, pair.tenant.pk, permission.value): Consent(
            app=pair.app, tenant=pair.tenant, permission=permission
        )
        for pair in required_pairs(apps)
        for permission in pair.permissions
    }
    for start in range(0, len(apps), BATCH):
        stored = Consent.objects.filter(app__in=[app.pk for app in apps[start : start + BATCH]])
        idle = []
        for key, app, tenant, permission in stored.values_list("pk", "app_id", "tenant_id", "permission"):
            if wanted.pop((app, tenant, permission), None) is None:
                idle.append(key)
        Consent.objects.filter(pk__in=idle).delete()
    Consent.objects.bulk_create(wanted.values(), batch_size=BATCH, ignore_conflicts=True)
