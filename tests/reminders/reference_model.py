"""The rule of due reminders in plain Python: a reference, written from the specification and not from the code.

A recipient is notified at each threshold that an expiry has reached; of several missed ones, at the nearest only; once
for each expiry. Not while it is snoozed; not in quiet hours or on days off, but never past the last useful moment. From
a week before the expiry on, all recipients.

A `Book` is informed of events, in order; it returns `Promise`s. All moments are whole hours, so that "the
first hour that is not quiet" is found by looking at one hour after the other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

Setting = TypeVar("Setting")
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
HOUSE = "house"
"""The installation, as a scope beside tenants and apps."""


@dataclass(frozen=True)
class Plan:
    days: tuple[int, ...] = (90, 60, 30, 14, 7, 3, 1, 0)
    repeat: int = 7
    escalate: int = 14


@dataclass(frozen=True)
class Hours:
    """Quiet from one hour until another, on tenants' clocks; days as ISO weekdays; a digest leaves at its hour."""

    quiet: tuple[int, int] | None = None
    working: frozenset[int] = frozenset(range(1, 8))
    digest: str = "each"
    digest_at: int = 8


@dataclass
class Thing:
    app: str
    tenant: str
    end: datetime


@dataclass
class Said:
    kind: str
    thing: str
    end: datetime
    until: datetime
    at: datetime


@dataclass(eq=False)
class Promise:
    """One reminder for one recipient: not before `earliest`, and useless from `latest` on."""

    thing: str
    end: datetime
    threshold: int
    recipient: str
    is_escalated: bool
    made: datetime
    earliest: datetime
    latest: datetime
    is_told: bool = False

    @property
    def key(self) -> tuple[str, datetime, int, str]:
        return self.thing, self.end, self.threshold, self.recipient


@dataclass
class Book:
    zones: dict[str, ZoneInfo]
    """Of each tenant."""
    things: dict[str, Thing] = field(default_factory=dict)
    """The watched objects; not those that were deleted or replaced."""
    administrators: set[str] = field(default_factory=set)
    first: dict[str, set[str]] = field(default_factory=dict)
    """By scope: a tenant (with its contacts), an app, the installation."""
    next: dict[str, set[str]] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)
    hours: dict[str, Hours] = field(default_factory=dict)
    said: list[Said] = field(default_factory=list)
    promises: list[Promise] = field(default_factory=list)

    # What happens

    def says(self, kind: str, name: str, until: datetime, now: datetime) -> None:
        """A new decision of the same kind replaces the earlier one."""
        self.said = [one for one in self.said if (one.kind, one.thing) != (kind, name)]
        self.said.append(Said(kind, name, self.things[name].end, until, now))

    def takes_back(self, one: Said) -> None:
        self.said.remove(one)

    def scan(self, now: datetime) -> None:
        for name, thing in self.things.items():
            threshold = self.reached(thing, now)
            mine = [one for one in self.promises if (one.thing, one.end) == (name, thing.end)]
            if threshold is None or self.is_put_off(name, now) or any(one.threshold <= threshold for one in mine):
                continue
            is_escalated = threshold <= 7 or (
                threshold <= self._of(self.plans, thing, Plan()).escalate
                and any(not self._was_answered(one) for one in mine)
            )
            for recipient in self.audience(thing, threshold, is_escalated):
                earliest, latest = self.leaves(thing, threshold, now), self.last_useful(thing, threshold, now)
                self.promises.append(
                    Promise(name, thing.end, threshold, recipient, is_escalated, now, earliest, latest)
                )

    # The rules

    def reached(self, thing: Thing, now: datetime) -> int | None:
        """The nearest threshold reached: days before the expiry, then periodically after it."""
        plan = self._of(self.plans, thing, Plan())
        come = [days for days in plan.days if now >= thing.end - days * DAY]
        after = (now - thing.end) // (plan.repeat * DAY)
        return min([*come, *([-plan.repeat * after] if after > 0 else [])], default=None)

    def audience(self, thing: Thing, threshold: int, is_escalated: bool) -> set[str]:
        scopes = (thing.app, thing.tenant, HOUSE)
        house = self.first.get(HOUSE) or self.administrators
        own = self.first.get(thing.app, set()) | self.first.get(thing.tenant, set())
        if threshold <= 7:
            return own.union(house, *(self.next.get(scope, set()) for scope in scopes))
        nearest = next((found for scope in scopes if (found := self.next.get(scope))), set())
        return (own or house) | (nearest if is_escalated else set())

    def is_put_off(self, name: str, now: datetime) -> bool:
        """ "I am on it" puts nothing off in the last week."""
        end = self.things[name].end
        return any(
            now < one.until and not (one.kind == "acknowledged" and end - now <= WEEK)
            for one in self.said
            if (one.thing, one.end) == (name, end)
        )

    def is_stale(self, promise: Promise, now: datetime) -> bool:
        """Whether it no longer applies: outdated, snoozed, no longer a recipient, or replaced by a nearer one."""
        thing = self.things.get(promise.thing)
        return (
            thing is None
            or thing.end != promise.end
            or self.is_put_off(promise.thing, now)
            or promise.recipient not in self.audience(thing, promise.threshold, promise.is_escalated)
            or any(
                (other.thing, other.end, other.recipient) == (promise.thing, promise.end, promise.recipient)
                and other.threshold < promise.threshold
                for other in self.promises
            )
        )

    def is_loud(self, promise: Promise, now: datetime) -> bool:
        """Whether a mail with it, perhaps delayed by a server, may be sent at this hour."""
        thing = self.things[promise.thing]
        return self._not_before(thing, promise.threshold, now, self._may(thing)) == now

    def leaves(self, thing: Thing, threshold: int, now: datetime) -> datetime:
        """With the next digest; if that is too late, at the next hour allowed; if that is too late, at once."""
        hours, may = self._of(self.hours, thing, Hours()), self._may(thing)
        if hours.digest == "each" or threshold <= 7:
            return self._not_before(thing, threshold, now, may)
        slot = next(hour for hour in _from(now) if self._is_digest(thing, hours, hour))
        gathered = next(hour for hour in _from(slot) if hour in may)
        if gathered < self.last_useful(thing, threshold, now):
            return gathered
        return self._not_before(thing, threshold, now, may)

    def last_useful(self, thing: Thing, threshold: int, now: datetime) -> datetime:
        """When the next threshold replaces it, or it has expired."""
        plan = self._of(self.plans, thing, Plan())
        nearer = [days for days in plan.days if days < threshold]
        following = max(nearer) if nearer else min(threshold, 0) - plan.repeat
        moment = thing.end - following * DAY
        return min(moment, thing.end) if now < thing.end else moment

    # Their parts

    def _not_before(self, thing: Thing, threshold: int, now: datetime, may: _Allowed) -> datetime:
        if threshold == 0:
            return now
        allowed = next(hour for hour in _from(now) if hour in may)
        return allowed if allowed < self.last_useful(thing, threshold, now) else now

    def _may(self, thing: Thing) -> _Allowed:
        return _Allowed(self._of(self.hours, thing, Hours()), self.zones[thing.tenant])

    def _is_digest(self, thing: Thing, hours: Hours, hour: datetime) -> bool:
        local = hour.astimezone(self.zones[thing.tenant])
        day = local.isoweekday()
        return (
            local.hour == hours.digest_at
            and day in hours.working
            and (hours.digest == "daily" or day == min(hours.working))
        )

    def _was_answered(self, promise: Promise) -> bool:
        return any(
            (one.kind, one.thing, one.end) == ("acknowledged", promise.thing, promise.end) and one.at >= promise.made
            for one in self.said
        )

    def _of(self, settings: dict[str, Setting], thing: Thing, usual: Setting) -> Setting:
        """The app's own, else its tenant's, else the installation's."""
        return next((settings[scope] for scope in (thing.app, thing.tenant, HOUSE) if scope in settings), usual)


@dataclass
class _Allowed:
    hours: Hours
    zone: ZoneInfo

    def __contains__(self, hour: object) -> bool:
        assert isinstance(hour, datetime)
        local = hour.astimezone(self.zone)
        if local.isoweekday() not in self.hours.working:
            return False
        if self.hours.quiet is None:
            return True
        start, end = self.hours.quiet
        return not (start <= local.hour < end if start < end else local.hour >= start or local.hour < end)


def _from(hour: datetime) -> list[datetime]:
    return [hour + number * HOUR for number in range(24 * 16)]
