"""Which policy is in force: the app registration's own, else its tenant's, the installation's, the default."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import BooleanField, CharField, ExpressionWrapper, OuterRef, Q, Subquery, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from alertadmin.registry.models import AppRegistration, Mailbox, Tenant
from alertadmin.reminders.models import Policy
from alertadmin.reminders.plan import DEFAULT, Plan
from alertadmin.reminders.timing import Digest, Timing

INSTALLATION = Q(tenant=None, app=None)


@dataclass(frozen=True)
class InForce:
    """What counts for one app or tenant; `…_of` is the policy it comes from, None for the default."""

    plan: Plan
    plan_of: Policy | None
    timing: Timing
    timing_of: Policy | None
    plan_as_set: Plan
    """What people said, without the head start of the app that sends the reminders."""

    @property
    def has_head_start(self) -> bool:
        return self.plan != self.plan_as_set


def in_force(tenant: Tenant | None, app: AppRegistration | None = None) -> InForce:
    """For an app, for a tenant as a whole, or (without either) for the installation."""
    wanted = INSTALLATION
    if tenant is not None:
        wanted |= Q(tenant=tenant)
    if app is not None:
        wanted |= Q(app=app)
    # The nearest first.
    found = sorted(Policy.objects.filter(wanted), key=lambda policy: (policy.app_id is None, policy.tenant_id is None))
    plan_of = next((policy for policy in found if policy.plan), None)
    timing_of = next((policy for policy in found if policy.has_timing), None)
    as_set = Plan.of(plan_of.plan) if plan_of else DEFAULT
    plan = as_set.earlier() if app is not None and app.pk == sending_app() else as_set
    times = timing(timing_of, tenant.zone if tenant else ZoneInfo("UTC"))
    return InForce(plan, plan_of, times, timing_of, as_set)


def sending_app() -> UUID | None:
    """The app of the mailbox that sends the reminders: its own credential is watched earlier than all others."""
    return Mailbox.objects.filter(sends_reminders=True).values_list("app_id", flat=True).first()


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


def plans() -> list[Plan]:
    """Every plan that is in force anywhere; the installation's first."""
    is_installations = ExpressionWrapper(INSTALLATION, output_field=BooleanField())
    found = set(Policy.objects.exclude(plan="").values_list(is_installations, "plan").distinct())
    first = next((Plan.of(text) for own, text in found if own), DEFAULT)
    others = sorted({text for own, text in found if not own})
    return [first, *(plan for text in others if (plan := Plan.of(text)) != first)]


def of_the_installation() -> Plan:
    own = Policy.objects.filter(INSTALLATION).exclude(plan="").values_list("plan", flat=True).first()
    return Plan.of(own) if own else DEFAULT


def plan_text(app: str, tenant: str) -> Combinable:
    """For a query: the text of the plan in force, where `app` and `tenant` are the paths to their ids."""
    own = Policy.objects.exclude(plan="")
    return Coalesce(
        Subquery(own.filter(app=OuterRef(app)).values("plan")[:1]),
        Subquery(own.filter(tenant=OuterRef(tenant)).values("plan")[:1]),
        Value(str(of_the_installation())),
        output_field=CharField(),
    )


def timings(places: Iterable[tuple[UUID, UUID | None]]) -> Mapping[tuple[UUID, UUID | None], Timing]:
    """The timing of each (tenant id, app id); few queries for any number of them."""
    places = set(places)
    policies = {(policy.tenant_id, policy.app_id): policy for policy in Policy.objects.filter(has_timing=True)}
    zones = dict(Tenant.objects.filter(pk__in={tenant for tenant, _app in places}).values_list("pk", "time_zone"))
    found = {}
    for tenant, app in places:
        policy = policies.get((None, app)) if app else None
        policy = policy or policies.get((tenant, None)) or policies.get((None, None))
        found[tenant, app] = timing(policy, ZoneInfo(zones[tenant]))
    return found


def any_timing() -> bool:
    """Whether anybody set hours, days or digests; most installations never do."""
    return Policy.objects.filter(has_timing=True).exists()
