"""Asks Entra what an app's token for a tenant holds, in many threads at once. Touches the database only to put on the
record that a secret was altered.

A token alone is no consent: Entra issues tokens without roles. Only the `roles` claim tells, and even its absence may
mean that Exchange scopes the app by RBAC. The redirect after a consent page is never believed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field

from django.db import connection

from alertadmin.registry import messages
from alertadmin.registry.clouds import UnknownCloud
from alertadmin.registry.credentials.app_identity import SecretUnavailable, identity_of, no_secret, scope_of
from alertadmin.registry.models import AppRegistration, ConsentStatus, Credential, Tenant
from alertadmin.registry.permissions import RESOURCE_OF, Permission, Resource
from mailer import tokens
from mailer.errors import SendError
from mailer.tokens import AppIdentity

AT_ONCE = 8
"""Checks of one cloud at a time."""
SILENT_AFTER = 2 * AT_ONCE
"""Checks in a row without any answer, after which a cloud's other checks of the same run are not even tried."""


@dataclass(frozen=True)
class ConsentTarget:
    """One app in one tenant, and the permissions that it should hold there."""

    app: AppRegistration
    tenant: Tenant
    permissions: tuple[Permission, ...]


@dataclass(frozen=True)
class PermissionResult:
    permission: Permission
    status: ConsentStatus
    roles: tuple[str, ...] = ()
    cause: str = ""
    technical: str = ""


@dataclass(frozen=True)
class ConsentCheck:
    wanted: ConsentTarget
    credential: Credential | None
    """What the app was proven with."""
    findings: list[PermissionResult]


def never_checked() -> bool:
    return False


def check_all(
    pairs: Iterable[tuple[ConsentTarget, Credential | None]], *, is_over: Callable[[], bool] = never_checked
) -> Iterator[ConsentCheck]:
    """One for each, the quickest first. A cloud that never answers holds up nobody else's.

    Once `is_over` says so the rest is left out, but for a cloud that has just not answered: whether it is silent is
    found out to the end, so that it is not found out anew each time that somebody goes on with the rest.
    """
    lines: dict[str, CloudQueue] = {}
    asked: list[Future[ConsentCheck | None]] = []
    try:
        for wanted, credential in pairs:
            line = lines.setdefault(wanted.tenant.cloud, CloudQueue(is_over))
            asked.append(line.pool.submit(line.ask, wanted, credential))
        for future in as_completed(asked):
            if answer := future.result():
                yield answer
    finally:
        for line in lines.values():
            line.pool.shutdown(cancel_futures=True)


@dataclass
class CloudQueue:
    """The way to one cloud's authority."""

    is_over: Callable[[], bool]
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(AT_ONCE, thread_name_prefix="consent"))
    silent: int = 0
    """Checks in a row that had no answer."""

    def ask(self, wanted: ConsentTarget, credential: Credential | None) -> ConsentCheck | None:
        if not self.silent and self.is_over():
            return None
        if self.silent >= SILENT_AFTER:
            said = messages.NOT_ASKED % {"count": self.silent}
            return ConsentCheck(wanted, credential, _failed(wanted.permissions, "network", said))
        try:
            findings = check_one(wanted, credential)
        finally:
            connection.close()  # this thread's, if a secret that was altered had to be put on the record
        self.silent = self.silent + 1 if all(finding.cause == "network" for finding in findings) else 0
        return ConsentCheck(wanted, credential, findings)


def check_one(wanted: ConsentTarget, credential: Credential | None) -> list[PermissionResult]:
    """One token for each resource."""
    try:
        if credential is None:
            raise no_secret(wanted.app)
        app = identity_of(credential, wanted.tenant)
    except (SecretUnavailable, UnknownCloud) as error:
        return _failed(wanted.permissions, "", str(error))
    return [
        finding
        for resource in Resource
        if (permissions := [p for p in wanted.permissions if RESOURCE_OF[p] == resource])
        for finding in _ask_for(resource, permissions, app)
    ]


def _ask_for(resource: Resource, permissions: list[Permission], app: AppIdentity) -> list[PermissionResult]:
    try:
        token = tokens.acquire(app, scope_of(resource, app.cloud))
    except SendError as failure:
        return _failed(permissions, failure.cause, failure.technical)
    return [
        PermissionResult(permission, ConsentStatus.GRANTED, token.roles)
        if permission.value in token.roles
        else PermissionResult(permission, ConsentStatus.NOT_IN_TOKEN, token.roles, cause="role_missing")
        for permission in permissions
    ]


def _failed(permissions: Iterable[Permission], cause: str, technical: str) -> list[PermissionResult]:
    return [
        PermissionResult(permission, ConsentStatus.ERROR, cause=cause, technical=technical)
        for permission in permissions
    ]
