"""Requests tokens from Entra in parallel threads and reads the app's permissions from them. Writes to the database only
to record that a stored secret was tampered with.

A token alone does not prove consent, since Entra also issues tokens without roles. Only the `roles` claim does; and a
missing role may still mean that Exchange scopes the app by RBAC. The redirect from the consent page is never trusted.
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
from mailer.coded_text import message_of
from mailer.errors import SendError
from mailer.tokens import AppIdentity

MAX_CONCURRENT_CHECKS = 8
"""For one cloud."""
UNREACHABLE_AFTER = 2 * MAX_CONCURRENT_CHECKS
"""Consecutive checks without an answer, after which the cloud's remaining checks are not tried."""


@dataclass(frozen=True)
class ConsentTarget:
    """One app in one tenant, and the permissions that it needs there."""

    app: AppRegistration
    tenant: Tenant
    permissions: tuple[Permission, ...]


@dataclass(frozen=True)
class PermissionResult:
    """The status of one permission, with the token's roles, or the diagnosis slug and the technical text of an
    error."""

    permission: Permission
    status: ConsentStatus
    roles: tuple[str, ...] = ()
    cause: str = ""
    technical: str = ""


@dataclass(frozen=True)
class ConsentCheck:
    """The results for one target."""

    target: ConsentTarget
    credential: Credential | None
    """The credential that the token was requested with."""
    results: list[PermissionResult]


def never_over() -> bool:
    """The default for `is_over`: do all checks."""
    return False


def check_all(
    pairs: Iterable[tuple[ConsentTarget, Credential | None]], *, is_over: Callable[[], bool] = never_over
) -> Iterator[ConsentCheck]:
    """Check all targets; yields the results as they arrive. Each cloud has its own threads, so that one that does not
    answer does not delay the others.

    Once `is_over` returns True, checks that have not started are left out. A cloud whose last check had no answer is
    still checked until it counts as unreachable; otherwise each slice of a batch would wait for it again.
    """
    queues: dict[str, CloudQueue] = {}
    futures: list[Future[ConsentCheck | None]] = []
    try:
        for target, credential in pairs:
            queue = queues.setdefault(target.tenant.cloud, CloudQueue(is_over))
            futures.append(queue.pool.submit(queue.check, target, credential))
        for future in as_completed(futures):
            if answer := future.result():
                yield answer
    finally:
        for queue in queues.values():
            queue.pool.shutdown(cancel_futures=True)


@dataclass
class CloudQueue:
    """The thread pool for one cloud's authority."""

    is_over: Callable[[], bool]
    pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(MAX_CONCURRENT_CHECKS, thread_name_prefix="consent")
    )
    unanswered: int = 0
    """Consecutive checks without an answer."""

    def check(self, wanted: ConsentTarget, credential: Credential | None) -> ConsentCheck | None:
        if not self.unanswered and self.is_over():
            return None
        if self.unanswered >= UNREACHABLE_AFTER:
            said = messages.NOT_CHECKED % {"count": self.unanswered}
            return ConsentCheck(wanted, credential, _error_results(wanted.permissions, "network", said))
        try:
            findings = check_one(wanted, credential)
        finally:
            connection.close()  # of this thread: opened if tampering with a secret had to be recorded
        self.unanswered = (
            self.unanswered + 1 if all(finding.cause in ("network", "proxy") for finding in findings) else 0
        )
        return ConsentCheck(wanted, credential, findings)


def check_one(wanted: ConsentTarget, credential: Credential | None) -> list[PermissionResult]:
    """Request one token for each resource and compare its roles to the required permissions."""
    try:
        if credential is None:
            raise no_secret(wanted.app)
        app = identity_of(credential, wanted.tenant)
    except (SecretUnavailable, UnknownCloud) as error:
        return _error_results(wanted.permissions, "", message_of(error))
    return [
        finding
        for resource in Resource
        if (permissions := [p for p in wanted.permissions if RESOURCE_OF[p] == resource])
        for finding in _check_resource(resource, permissions, app)
    ]


def _check_resource(resource: Resource, permissions: list[Permission], app: AppIdentity) -> list[PermissionResult]:
    try:
        token = tokens.acquire(app, scope_of(resource, app.cloud))
    except SendError as failure:
        return _error_results(permissions, failure.cause, failure.technical)
    return [
        PermissionResult(permission, ConsentStatus.GRANTED, token.roles)
        if permission.value in token.roles
        else PermissionResult(permission, ConsentStatus.NOT_IN_TOKEN, token.roles, cause="role_missing")
        for permission in permissions
    ]


def _error_results(permissions: Iterable[Permission], cause: str, technical: str) -> list[PermissionResult]:
    return [
        PermissionResult(permission, ConsentStatus.ERROR, cause=cause, technical=technical)
        for permission in permissions
    ]
