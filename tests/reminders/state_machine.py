"""Random histories of an installation, run by the real system and by the reference model.

Rows are changed through the functions that the pages use; scan and outbox are those of production; mails are sent over
TLS to the sandbox, whose ledger shows what was received. Endpoints fail for a moment or for a whole outage. After each
step: no recipient got a reminder that was not due; a message was repeated only after an uncertain attempt, and then
unchanged; at the end no recipient was forgotten. There is no broker: nothing depends on one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from alertadmin.accounts.models import User
from alertadmin.outbox import worker
from alertadmin.outbox.delivery import connections
from alertadmin.outbox.delivery.rate_limit import RateLimiter
from alertadmin.outbox.models import Delivery
from alertadmin.outbox.queue import claims, dispatcher, failpoints, manual_actions
from alertadmin.registry.models import AppRegistration, Credential, CredentialState, Tenant
from alertadmin.registry.registration import add_credential, set_contacts
from alertadmin.reminders import snoozes
from alertadmin.reminders.models import Policy, Recipient, Scan, Snooze, SnoozeKind
from alertadmin.reminders.restore import detection
from alertadmin.reminders.scan import scanner
from sandbox import Sandbox
from tests.factories import Rows
from tests.reminders.faults import TROUBLES, Trouble
from tests.reminders.mail_checks import Lost, MailChecks
from tests.reminders.policy_page import save_policy
from tests.reminders.reference_model import DAY, HOUR, HOUSE, Book, Hours, Plan, Promise, Thing
from tests.reminders.short_timeouts import short_patience

BEGIN = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
ZONES = {"Northpark": ZoneInfo("Europe/Paris"), "Lakeside": ZoneInfo("America/Los_Angeles")}
APPS = {"ALERT": "Northpark", "SCADA": "Northpark", "Pumps": "Lakeside"}
SCOPES = [HOUSE, *ZONES, *APPS]
FOR_DRAFTS = "Mail.ReadWrite"
PEOPLE = [f"{name}@n.example" for name in ("ann", "bob", "cid", "dot")]
ADMINISTRATOR = "ada@n.example"
PLANS = [Plan(), Plan((30, 14, 7, 0)), Plan((45, 30, 7), 3), Plan((90, 0), 30, 60), Plan((10,), 1, 9)]
HOURS = [
    Hours((20, 7)),
    Hours((9, 17), frozenset({1, 3})),
    Hours(None, frozenset({1, 2, 3, 4, 5}), "daily", 8),
    Hours((22, 6), frozenset({2, 4}), "weekly", 3),
]
STEPS = ["taken-back", *(step for step in failpoints.POINTS if not step.startswith("scan"))]
LONG_ENOUGH = timedelta(hours=5)
"""After this time every lease and every wait after a failure is over."""
RUNS = 4
"""Runs within which all expedited deliveries are sent: the first finds out which routes work again."""

some_people = st.sets(st.sampled_from(PEOPLE), max_size=2)


class Killed(BaseException):
    """What kill -9 is to a process."""


class History(MailChecks, RuleBasedStateMachine):
    def __init__(
        self, sandbox: Sandbox, ways: list[Tenant], administrator: User, set_relay: Callable[[bool], None]
    ) -> None:
        super().__init__()
        for model in (Delivery, Policy, Recipient):
            model.objects.all().delete()
        Tenant.objects.exclude(pk__in=[way.pk for way in ways]).delete()
        Scan.objects.all().delete()
        # Otherwise the first scan of the next history detects a restored database.
        (settings.DATA_DIR / detection.NAME).unlink(missing_ok=True)
        User.objects.update(is_active=True)
        sandbox.faults.clear()
        self.sandbox, self.administrator, self.ways, self.set_relay = sandbox, administrator, ways, set_relay
        self.now, self.troubled_at = BEGIN, BEGIN - LONG_ENOUGH
        self.rate_limiter = RateLimiter(None)
        rows = Rows(BEGIN)
        self.tenants = {name: rows.tenant(name, time_zone=str(zone)) for name, zone in ZONES.items()}
        self.apps = {name: rows.app(self.tenants[tenant], name) for name, tenant in APPS.items()}
        self.book = Book(ZONES, administrators={administrator.email})
        self.read = len(sandbox.ledger.entries())
        self.times: Counter[str] = Counter()
        """How often each message was taken, by Message-ID."""
        self.put_back: dict[Promise, datetime] = {}
        self.outages: list[Trouble] = []
        self.made = 0

    # What an administrator does

    @initialize(
        ends=st.tuples(*[st.sampled_from([3, 8, 20, 31])] * len(APPS)),
        contacts=st.sampled_from(PEOPLE),
        after=some_people,
        relay=st.booleans(),
        drafts=st.booleans(),
    )
    def begins(
        self, ends: tuple[int, ...], contacts: str, after: set[str], relay: bool = False, drafts: bool = False
    ) -> None:
        self.set_relay(relay)
        change = self.sandbox.directory.grant if drafts else self.sandbox.directory.revoke
        for sending in AppRegistration.objects.filter(tenant__in=self.ways):
            change(sending.client_id, FOR_DRAFTS)
        self.is_started_anew()
        for app, days in zip(APPS, ends, strict=True):
            self.adds_or_replaces(app, days)
        self.edits_contacts("Northpark", {contacts})
        self.edits_people("SCADA", set(), after)

    @rule(app=st.sampled_from(list(APPS)), days=st.sampled_from([-20, 0, 1, 5, 7, 8, 14, 31, 95]))
    def adds_or_replaces(self, app: str, days: int) -> None:
        self.made += 1
        name = f"secret-{self.made}"
        for other in [other for other, thing in self.book.things.items() if thing.app == app]:
            del self.book.things[other]
        self.apps[app].credentials.update(state=CredentialState.RETIRED)
        add_credential(self.apps[app], expires_at=self.now + days * DAY, description=name)
        self.book.things[name] = Thing(app, APPS[app], self.now + days * DAY)

    @rule(data=st.data(), days=st.sampled_from([None, -3, 2, 7, 30, 100]))
    def renews_or_sets_back(self, data: st.DataObject, days: int | None) -> None:
        if name := self._some_thing(data):
            thing = self.book.things[name]
            ends = [one.end for one in self.book.promises if one.thing == name] or [thing.end]
            thing.end = self.now + days * DAY if days is not None else data.draw(st.sampled_from(ends))
            Credential.objects.filter(description=name).update(expires_at=thing.end)

    @rule(data=st.data())
    def deletes(self, data: st.DataObject) -> None:
        if name := self._some_thing(data):
            Credential.objects.filter(description=name).delete()
            del self.book.things[name]
            self.book.promises = [one for one in self.book.promises if one.thing != name]

    @rule(data=st.data(), kind=st.sampled_from(SnoozeKind.values), days=st.sampled_from([1, 6, 25, 100]))
    def puts_off(self, data: st.DataObject, kind: str, days: int) -> None:
        if name := self._some_thing(data):
            until = self.now + days * DAY
            credential = Credential.objects.get(description=name)
            try:
                snoozes.snooze(
                    credential,
                    SnoozeKind(kind),
                    until=until,
                    reason="the customer renews it",
                    by=self.administrator,
                    now=self.now,
                )
            except ValidationError:
                return
            self.book.says(kind, name, until, self.now)

    @precondition(lambda self: self.book.said)
    @rule(data=st.data())
    def takes_back(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from(self.book.said))
        self.book.takes_back(one)
        for hold in Snooze.objects.filter(credential__description=one.thing, kind=one.kind, withdrawn_at=None):
            snoozes.withdraw(hold, now=self.now)

    @rule(scope=st.sampled_from(SCOPES), plan=st.sampled_from([None, *PLANS]))
    def edits_days(self, scope: str, plan: Plan | None) -> None:
        _set(self.book.plans, scope, plan)
        self._save(scope)

    @rule(scope=st.sampled_from(SCOPES), hours=st.sampled_from([None, *HOURS]))
    def edits_hours(self, scope: str, hours: Hours | None) -> None:
        _set(self.book.hours, scope, hours)
        self._save(scope)

    @rule(scope=st.sampled_from([HOUSE, *APPS]), first=some_people, after=some_people)
    def edits_people(self, scope: str, first: set[str], after: set[str]) -> None:
        self.book.first[scope], self.book.next[scope] = first, after - first
        self._save(scope)

    @rule(tenant=st.sampled_from(list(ZONES)), contacts=some_people)
    def edits_contacts(self, tenant: str, contacts: set[str]) -> None:
        self.book.first[tenant] = contacts
        set_contacts(self.tenants[tenant], contacts)

    @rule()
    def switches_the_administrator_on_or_off(self) -> None:
        self.book.administrators ^= {self.administrator.email}
        User.objects.update(is_active=bool(self.book.administrators))

    # What time and the machines do

    @rule(hours=st.sampled_from([1, 5, 12, 24, 72, 200, 960]))
    def time_passes(self, hours: int) -> None:
        self.now += hours * HOUR

    @rule(times=st.sampled_from([1, 1, 2, 5]))
    def scans(self, times: int) -> None:
        for _time in range(times):
            self.system_scans()
        self._scanned()

    @rule(hours=st.sampled_from([1, 24, 24, 72, 200, 960]))
    def lives_on(self, hours: int) -> None:
        """As a machine does that was off for so long."""
        self.time_passes(hours)
        self.scans(1)
        self.works()

    @rule(committed=st.booleans())
    def is_killed_while_scanning(self, committed: bool) -> None:
        with self._killed_at("scan-committed" if committed else "scan-written"):
            self.system_scans()
        if committed:
            self._scanned()

    @rule()
    def works(self) -> None:
        for _run in range(RUNS):
            manual_actions.expedite_reminders(self.now)
            with short_patience(self.outages):
                self.system_works()
        self._look(is_well=self._is_well())

    def _is_well(self) -> bool:
        """Whether there is no outage, and the effects of the last one are over."""
        if self.outages:
            self.troubled_at = self.now
        return self.now >= self.troubled_at + LONG_ENOUGH

    @rule(hours=st.sampled_from([0, 24, 168]), step=st.sampled_from(STEPS), nth=st.sampled_from([1, 1, 2, 3]))
    def is_killed_while_working(self, hours: int, step: str, nth: int) -> None:
        if hours:
            self.time_passes(hours)
            self.scans(1)
        with self._killed_at(step, nth):
            self.system_works()
        self.troubled_at = self.now
        self._look(is_well=False)

    @rule(trouble=st.sampled_from(TROUBLES), times=st.sampled_from([1, 1, None]))
    def works_in_trouble(self, trouble: Trouble, times: int | None) -> None:
        connections.tokens().__init__()  # type: ignore[misc]
        trouble.begin(self.sandbox, times)
        with short_patience([trouble, *self.outages]):
            self.system_works()
        self._answer_as_the_outages()
        self.troubled_at = self.now
        self._look(is_well=False)

    @precondition(lambda self: len(self.outages) < 2)
    @rule(trouble=st.sampled_from(TROUBLES))
    def outage_begins(self, trouble: Trouble) -> None:
        self.outages.append(trouble)
        self._answer_as_the_outages()

    @precondition(lambda self: self.outages)
    @rule()
    def outage_ends(self) -> None:
        self.outages.pop(0)
        self._answer_as_the_outages()
        self.troubled_at = self.now

    def _answer_as_the_outages(self) -> None:
        connections.tokens().__init__()  # type: ignore[misc]
        self.sandbox.faults.clear()
        for outage in self.outages:
            outage.begin(self.sandbox, None)

    @rule()
    def is_started_anew(self) -> None:
        """A process's memory is lost: tokens, connections, servers that asked to wait."""
        self.rate_limiter = RateLimiter(None)
        connections.tokens.cache_clear()
        connections.transport.cache_clear()

    def teardown(self) -> None:
        """Without outages and quiet hours everything that is due is sent."""
        while self.outages:
            self.outage_ends()
        for scope in SCOPES:
            self.book.hours.pop(scope, None)
            self._save(scope)
        self.now = max([self.now + LONG_ENOUGH, *(one.earliest for one in self.book.promises)])
        self.now = max([self.now, *self.put_back.values()])
        self.works()
        self.scans(1)
        self.works()
        if forgotten := [one.key for one in self.book.promises if not one.is_told]:
            raise Lost(forgotten)

    # The system: mutants replace these

    def system_scans(self) -> None:
        scanner.run(self.now, ring=False)

    def system_works(self) -> None:
        worker.deliver_due(clock=lambda: self.now, rate_limiter=self.rate_limiter)

    # Their parts

    def _some_thing(self, data: st.DataObject) -> str | None:
        return data.draw(st.sampled_from(sorted(self.book.things))) if self.book.things else None

    def _save(self, scope: str) -> None:
        save_policy(self.book, scope, self.tenants.get(scope), self.apps.get(scope))

    @contextmanager
    def _killed_at(self, step: str, nth: int = 1) -> Iterator[None]:
        """The process dies when it reaches the step for the nth time; a dead process returns no claims."""
        passed = 0

        def die() -> None:
            nonlocal passed
            passed += 1
            if passed >= nth:
                raise Killed

        with (
            patch.dict("os.environ", {failpoints.VARIABLE: step}),
            patch.object(failpoints, "_die", die),
            patch.object(dispatcher, "THREADS_PER_LANE", 1),
            patch.object(claims, "unclaim", lambda _delivery: None),
            suppress(Killed),
        ):
            yield


def _set(settings: dict[str, Any], scope: str, value: object) -> None:
    if value is None:
        settings.pop(scope, None)
    else:
        settings[scope] = value
