"""The effective policy: of the app registration, else of its tenant, else of the installation, else the default."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db.models import BooleanField, CharField, ExpressionWrapper, OuterRef, Q, Subquery, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from alertadmin.accounts.time_zones import zone_or_utc
from alertadmin.registry.models import AppRegistration, Mailbox, Tenant
from alertadmin.reminders.models import Policy
from alertadmin.reminders.models.policy import validate_plan, validate_working_days
from alertadmin.reminders.rules.delivery_window import Digest, Timing
from alertadmin.reminders.rules.schedule import DEFAULT, DEFAULT_TEXT, HEAD_START, ReminderSchedule

log = logging.getLogger(__name__)

INSTALLATION = Q(tenant=None, app=None)


@dataclass(frozen=True)
class EffectivePolicy:
    """The policy of an app or tenant; `…_of` is the policy that it is inherited from, None for the default."""

    plan: ReminderSchedule
    plan_of: Policy | None
    timing: Timing
    timing_of: Policy | None
    plan_as_set: ReminderSchedule
    """The schedule as set, without the head start of the app that sends the reminders."""

    @property
    def has_head_start(self) -> bool:
        return self.plan != self.plan_as_set


def effective_policy(tenant: Tenant | None, app: AppRegistration | None = None) -> EffectivePolicy:
    """The policy of an app, of a tenant, or (without either) of the installation."""
    wanted = INSTALLATION
    if tenant is not None:
        wanted |= Q(tenant=tenant)
    if app is not None:
        wanted |= Q(app=app)
    # The most specific first.
    found = sorted(Policy.objects.filter(wanted), key=lambda policy: (policy.app_id is None, policy.tenant_id is None))
    plan_of = next((policy for policy in found if policy.plan and parsed(policy.plan)), None)
    timing_of = next((policy for policy in found if policy.has_timing and has_usable_timing(policy)), None)
    as_set = ReminderSchedule.of(plan_of.plan) if plan_of else DEFAULT
    plan = as_set.earlier() if app is not None and app.pk == sending_app() else as_set
    times = timing(timing_of, tenant.zone if tenant else ZoneInfo("UTC"))
    return EffectivePolicy(plan, plan_of, times, timing_of, as_set)


def sending_app() -> UUID | None:
    """The app of the mailbox that sends the reminders: its own credential gets an earlier first reminder."""
    return Mailbox.objects.filter(sends_reminders=True).values_list("app_id", flat=True).first()


def has_usable_timing(policy: Policy) -> bool:
    """Whether its times are valid; if not, the next scope's apply."""
    try:
        validate_working_days(policy.working_days)
        Digest(policy.digest)
    except (ValidationError, ValueError):
        log.warning("the times of the reminder policy of %s cannot be read; the next scope's are used", policy)
        return False
    return True


def timing(policy: Policy | None, zone: ZoneInfo) -> Timing:
    if policy is None:
        return Timing(zone)
    return Timing(
        zone,
        policy.quiet_from,
        policy.quiet_until,
        frozenset(map(int, policy.working_days)),
        Digest(policy.digest),
        policy.digest_at,
    )


class PlanLookup:
    """For queries: the effective schedule of each row. Reads once which schedules exist."""

    def __init__(self) -> None:
        is_installations = ExpressionWrapper(INSTALLATION, output_field=BooleanField())
        own = Policy.objects.exclude(plan="").order_by()
        texts = list(own.values_list(is_installations, "plan").distinct())
        usable = {text: plan for _, text in texts if (plan := parsed(text))}
        unusable = {text for _, text in texts} - usable.keys()
        self._own = own.exclude(plan__in=unusable) if unusable else own
        self._otherwise = next((text for is_own, text in texts if is_own and text in usable), DEFAULT_TEXT)
        scoped = any(text in usable for is_own, text in texts if not is_own)
        self.only = None if scoped else parsed(self._otherwise)
        """The schedule of every row, if no app and no tenant has its own."""
        self.farthest = max(max(plan.thresholds) for plan in (DEFAULT, *usable.values())) + HEAD_START
        """Days before an expiry from which a reminder can be due."""

    def text(self, app: str, tenant: str) -> Combinable:
        """Text of the effective schedule; `app` and `tenant` are the paths to their ids."""
        if self.only is not None:
            return Value(self._otherwise, output_field=CharField())
        return Coalesce(
            Subquery(self._own.filter(app=OuterRef(app)).values("plan")[:1]),
            Subquery(self._own.filter(tenant=OuterRef(tenant)).values("plan")[:1]),
            Value(self._otherwise),
            output_field=CharField(),
        )


@lru_cache(maxsize=4096)
def parsed(text: str) -> ReminderSchedule | None:
    """Parse a schedule; None if it is invalid, which the form would have refused."""
    try:
        validate_plan(text)
    except ValidationError:
        log.warning("the reminder plan %r cannot be read; the next scope's plan is used in its place", text)
        return None
    return ReminderSchedule.of(text)


class Plans:
    """The effective schedules, read once."""

    def __init__(self) -> None:
        own = Policy.objects.exclude(plan="").values_list("tenant_id", "app_id", "plan")
        self._own: dict[tuple[UUID | None, UUID | None], ReminderSchedule] = {
            (tenant, app): plan for tenant, app, text in own if (plan := parsed(text))
        }
        self._sender = sending_app()

    def of(self, tenant: UUID, app: UUID | None) -> ReminderSchedule:
        own = self._own.get((None, app)) if app else None
        plan = own or self._own.get((tenant, None)) or self._own.get((None, None)) or DEFAULT
        return plan.earlier() if app and app == self._sender else plan


def timings(scopes: Iterable[tuple[UUID, UUID | None]]) -> Mapping[tuple[UUID, UUID | None], Timing]:
    """The timing of each (tenant id, app id), in a constant number of queries."""
    scopes = set(scopes)
    timed = Policy.objects.filter(has_timing=True).select_related("tenant", "app")
    policies = {(policy.tenant_id, policy.app_id): policy for policy in timed if has_usable_timing(policy)}
    zones = dict(Tenant.objects.filter(pk__in={tenant for tenant, _app in scopes}).values_list("pk", "time_zone"))
    found = {}
    for tenant, app in scopes:
        policy = policies.get((None, app)) if app else None
        policy = policy or policies.get((tenant, None)) or policies.get((None, None))
        found[tenant, app] = timing(policy, zone_or_utc(zones.get(tenant, "")))
    return found


def any_timing() -> bool:
    """Whether hours, days or digests are set for any scope; most installations never set them."""
    return Policy.objects.filter(has_timing=True).exists()
