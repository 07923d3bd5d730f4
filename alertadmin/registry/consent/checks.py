"""Consent checks for each app in each tenant, stored as the answers arrive."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from uuid import uuid4

from django.db import IntegrityError, transaction
from django.db.models import Prefetch, prefetch_related_objects

from alertadmin import audit
from alertadmin.audit import AuditAction, actor
from alertadmin.operator_log import Event, log_event
from alertadmin.registry.consent.consent_client import ConsentCheck, ConsentTarget, check_all, never_over
from alertadmin.registry.credentials.app_identity import in_use
from alertadmin.registry.models import (
    AppRegistration,
    Consent,
    ConsentChange,
    ConsentStatus,
    Credential,
    Mailbox,
    SignInAudience,
    Tenant,
)
from alertadmin.registry.permissions import Permission

log = logging.getLogger(__name__)

BATCH = 500
WITH_MAILBOX_TENANTS = Prefetch("mailboxes", Mailbox.objects.select_related("tenant"))
"""An app's mailboxes with their tenants. ("mailboxes__tenant" would fail on SQLite with more than a thousand tenants.)
"""


def required_pairs(
    apps: Iterable[AppRegistration] | None = None, *, tenant: Tenant | None = None
) -> Iterator[ConsentTarget]:
    """The permissions that each app needs: in each tenant where it has a mailbox, or else in its home tenant.

    Two queries for all apps, one for given apps.
    """
    if apps is None:
        apps = AppRegistration.objects.all()
        if tenant is not None:
            apps = apps.filter(tenant=tenant) | apps.filter(mailboxes__tenant=tenant)
        apps = apps.distinct().select_related("tenant")
    apps = list(apps)
    prefetch_related_objects(apps, WITH_MAILBOX_TENANTS)
    for app in apps:
        # An app for personal accounts only has no directory with an administrator who could consent.
        wanted = set(app.required_permissions) if app.audience != SignInAudience.PERSONAL else set()
        by_tenant: dict[Tenant, set[Permission]] = {}
        for mailbox in app.mailboxes.all():
            if mailbox.is_personal:
                continue
            needed = by_tenant.setdefault(mailbox.tenant, set(wanted))
            if mailbox.permission:
                needed.add(mailbox.permission)
        for target_tenant, permissions in (by_tenant or {app.tenant: wanted}).items():
            if permissions and tenant in (None, target_tenant):
                yield ConsentTarget(app, target_tenant, tuple(sorted(permissions)))


def check_consent(app: AppRegistration, tenant: Tenant, *, now: datetime) -> list[Consent]:
    """Check every required permission of one app in one tenant, and store the results."""
    return list(check_consents(required_pairs([app], tenant=tenant), now=now))


def check_consents(
    pairs: Iterable[ConsentTarget], *, now: datetime, is_over: Callable[[], bool] = never_over
) -> Iterator[Consent]:
    """Check many targets in parallel. Yields the stored consents in the order of the answers, so that a slow cloud does
    not delay the others.

    Checks that have not started when `is_over` returns True are left out.
    """
    pairs = list(pairs)
    credentials = _credentials_in_use({pair.app for pair in pairs}, now)
    for answer in check_all(((pair, credentials.get(pair.app)) for pair in pairs), is_over=is_over):
        try:
            yield from _store(answer, now)
        except IntegrityError:
            # The app or the tenant was deleted during the request.
            log.info("consent of app %s: deleted before it was stored", answer.target.app.pk)


def _credentials_in_use(apps: set[AppRegistration], now: datetime) -> dict[AppRegistration, Credential]:
    """Each app's credential in use (`app_identity.in_use`).

    Read before the threads start, since they do not use the database. The home tenants are loaded too: they say which
    cloud a secret may be sent to.
    """
    _load_home_tenants(apps)
    found: dict[AppRegistration, list[Credential]] = {app: [] for app in apps}
    by_id = {app.pk: app for app in apps}
    keys = list(by_id)
    for start in range(0, len(keys), BATCH):
        for credential in Credential.objects.usable().filter(app__in=keys[start : start + BATCH]):
            credential.app = by_id[credential.app_id]
            found[credential.app].append(credential)
    return {app: chosen for app, stored in found.items() if (chosen := in_use(stored, now))}


def _load_home_tenants(apps: Iterable[AppRegistration]) -> None:
    home = AppRegistration._meta.get_field("tenant")
    missing = [app for app in apps if not home.is_cached(app)]
    for start in range(0, len(missing), BATCH):
        prefetch_related_objects(missing[start : start + BATCH], "tenant")


@transaction.atomic
def _store(answer: ConsentCheck, now: datetime) -> list[Consent]:
    wanted, findings = answer.target, answer.results
    if answer.credential and any(finding.status != ConsentStatus.ERROR for finding in findings):
        # Every result but an error means that this credential got a token.
        Credential.objects.filter(pk=answer.credential.pk).update(proven_at=now)
    known = {one.permission: one for one in Consent.objects.filter(app=wanted.app, tenant=wanted.tenant)}
    consents = [
        Consent(
            id=known[finding.permission].pk if finding.permission in known else uuid4(),
            app=wanted.app,
            tenant=wanted.tenant,
            permission=finding.permission,
            status=finding.status,
            roles=list(finding.roles),
            cause=finding.cause,
            technical=finding.technical,
            checked_at=now,
        )
        for finding in findings
    ]
    stored = Consent.objects.bulk_create(
        consents,
        update_conflicts=True,
        unique_fields=["app", "tenant", "permission"],
        update_fields=["status", "roles", "cause", "technical", "checked_at"],
    )
    changed = _record_changes(known, stored, now)
    for change in changed:
        audit.record(
            AuditAction.CONSENT_CHANGED,
            change.consent,
            permission=change.permission,
            changes={"status": [change.before, change.after]},
            entry=change.pk,
            cause=change.cause,
            now=now,
        )
        transaction.on_commit(partial(log_change, change), robust=True)
    if actor.current().person is not None:
        counts = Counter(one.status for one in stored)
        audit.record(AuditAction.CONSENT_CHECKED, wanted.app, tenant=wanted.tenant, counts=counts, now=now)
    return stored


def log_change(change: ConsentChange) -> None:
    log_event(
        Event.CONSENT_CHANGED,
        logging.INFO if change.after == ConsentStatus.GRANTED else logging.WARNING,
        consent=change.consent_id,
        app=change.app_id,
        tenant=change.tenant_id,
        permission=change.permission,
        before=change.before,
        after=change.after,
        cause=change.cause or None,
    )


def _record_changes(known: Mapping[str, Consent], stored: Iterable[Consent], now: datetime) -> list[ConsentChange]:
    """Store a `ConsentChange` for each consent whose status changed."""
    changed = [one for one in stored if one.permission in known and known[one.permission].status != one.status]
    if not changed:
        return []
    return ConsentChange.objects.bulk_create(
        [
            ConsentChange(
                consent=known[one.permission],
                app=one.app,
                tenant=one.tenant,
                permission=one.permission,
                before=_last_known_status(known[one.permission]),
                after=one.status,
                cause=one.cause,
                at=now,
            )
            for one in changed
        ]
    )


def _last_known_status(consent: Consent) -> str:
    """The last status that was not an error: an error in between does not change what an administrator granted."""
    if consent.status != ConsentStatus.ERROR:
        return consent.status
    known = consent.changes.exclude(after=ConsentStatus.ERROR).order_by("-at").values_list("after", flat=True).first()
    return known or ConsentStatus.UNKNOWN
