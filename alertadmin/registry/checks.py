"""Asks Entra, with a fresh app and an empty token cache: does this credential work, and does consent stand?

A token alone is no consent: Entra issues tokens without roles. Only the `roles` claim tells, and even its absence may
mean that Exchange scopes the app by RBAC. The redirect after a consent page is never believed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic

from django.db.models import Prefetch

from alertadmin.registry.identity import SecretUnavailable, credential_in_use, identity_of, scope_of
from alertadmin.registry.models import AppRegistration, Consent, ConsentStatus, Credential, Mailbox, Tenant
from alertadmin.registry.permissions import RESOURCE_OF, Permission, Resource
from mailer import identity
from mailer.failure import Failure
from mailer.identity import AppIdentity

PARALLEL_CHECKS = 8


@dataclass(frozen=True)
class Proof:
    """Whether a credential got a token just now. `steps`: `{"step", "ms", "detail"}` for each that went well."""

    ok: bool
    cause: str = ""
    technical: str = ""
    steps: list[dict[str, object]] = field(default_factory=list)
    roles: tuple[str, ...] = ()


def prove(credential: Credential, *, now: datetime) -> Proof:
    """Gets a token with this very credential in its app's home tenant, and notes on the row when it worked."""
    app = credential.app
    steps: list[dict[str, object]] = []
    begun = monotonic()

    def on_step(step: str, detail: str) -> None:
        steps.append({"step": step, "ms": round((monotonic() - begun) * 1000), "detail": detail})

    permission = next(iter(app.wanted), Permission.MAIL_SEND)
    try:
        app_identity = identity_of(credential, app.tenant)
        scope = scope_of(RESOURCE_OF[permission], app_identity.cloud)
        token = identity.acquire(app_identity, scope, on_step=on_step)
    except SecretUnavailable as error:
        return Proof(False, "", str(error), steps)
    except Failure as failure:
        return Proof(False, failure.cause, failure.technical, steps)
    Credential.objects.filter(pk=credential.pk).update(proven_at=now)
    return Proof(True, steps=steps, roles=token.roles)


@dataclass(frozen=True)
class Wanted:
    """One app in one tenant, and the permissions that it should hold there."""

    app: AppRegistration
    tenant: Tenant
    permissions: tuple[Permission, ...]


def wanted_pairs(apps: Iterable[AppRegistration] | None = None, *, tenant: Tenant | None = None) -> Iterator[Wanted]:
    """Each app in its home tenant and wherever it has a mailbox. Three queries for any number of apps."""
    if apps is None:
        apps = AppRegistration.objects.all()
        if tenant is not None:
            apps = apps.filter(tenant=tenant) | apps.filter(mailboxes__tenant=tenant)
        apps = (
            apps.distinct()
            .select_related("tenant")
            .prefetch_related("credentials", Prefetch("mailboxes", Mailbox.objects.select_related("tenant")))
        )
    for app in apps:
        places: dict[Tenant, set[Permission]] = {app.tenant: set(app.wanted)}
        for mailbox in app.mailboxes.all():
            places.setdefault(mailbox.tenant, set(app.wanted)).add(mailbox.permission)
        for place, permissions in places.items():
            if permissions and tenant in (None, place):
                yield Wanted(app, place, tuple(sorted(permissions)))


def check_consent(app: AppRegistration, tenant: Tenant, *, now: datetime) -> list[Consent]:
    """Checks every wanted permission of one app in one tenant and stores what came out."""
    return [consent for wanted in wanted_pairs([app], tenant=tenant) for consent in _check(wanted, now)]


def check_consents(pairs: Iterable[Wanted], *, now: datetime) -> Iterator[Consent]:
    """Many at once; one dead authority holds up only its own. Yields as they are stored, in the order given."""
    with ThreadPoolExecutor(PARALLEL_CHECKS, thread_name_prefix="consent") as pool:
        pairs = list(pairs)
        for wanted, findings in zip(pairs, pool.map(_ask, pairs), strict=True):
            yield from _store(wanted, findings, now)


@dataclass(frozen=True)
class Finding:
    permission: Permission
    status: ConsentStatus
    roles: tuple[str, ...] = ()
    cause: str = ""
    technical: str = ""


def _check(wanted: Wanted, now: datetime) -> list[Consent]:
    return _store(wanted, _ask(wanted), now)


def _ask(wanted: Wanted) -> list[Finding]:
    """One token for each resource. Touches no database, so that it can run in a thread (secrets come prefetched)."""
    try:
        credential = credential_in_use(wanted.app)
        app_identity = identity_of(credential, wanted.tenant)
    except SecretUnavailable as error:
        return [Finding(permission, ConsentStatus.ERROR, technical=str(error)) for permission in wanted.permissions]
    return [
        finding
        for resource in Resource
        if (permissions := [p for p in wanted.permissions if RESOURCE_OF[p] == resource])
        for finding in _ask_resource(app_identity, resource, permissions)
    ]


def _ask_resource(app: AppIdentity, resource: Resource, permissions: list[Permission]) -> list[Finding]:
    try:
        token = identity.acquire(app, scope_of(resource, app.cloud))
    except Failure as failure:
        return [
            Finding(permission, ConsentStatus.ERROR, cause=failure.cause, technical=failure.technical)
            for permission in permissions
        ]
    return [
        Finding(permission, ConsentStatus.GRANTED, token.roles)
        if permission.value in token.roles
        else Finding(permission, ConsentStatus.NOT_IN_TOKEN, token.roles, cause="role_missing")
        for permission in permissions
    ]


def _store(wanted: Wanted, findings: list[Finding], now: datetime) -> list[Consent]:
    if any(finding.status != ConsentStatus.ERROR for finding in findings):
        # Each of them stands for a token that this credential got.
        Credential.objects.filter(pk=credential_in_use(wanted.app).pk).update(proven_at=now)
    return [
        Consent.objects.update_or_create(
            app=wanted.app,
            tenant=wanted.tenant,
            permission=finding.permission,
            defaults={
                "status": finding.status,
                "roles": list(finding.roles),
                "cause": finding.cause,
                "technical": finding.technical,
                "checked_at": now,
            },
        )[0]
        for finding in findings
    ]
