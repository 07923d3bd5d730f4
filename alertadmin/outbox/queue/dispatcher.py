"""One dispatch run: threads take deliveries from a short queue, which they refill by claiming.

Mail and channels have one lane each with its own threads, so that a channel that never answers does not delay mail, and
mail that waits for a mailbox does not delay channels.
"""

from __future__ import annotations

import contextlib
import logging
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from threading import Lock, Thread, current_thread
from time import monotonic
from uuid import UUID

from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.db.models import Q

from alertadmin.outbox import messages
from alertadmin.outbox.delivery import reconcile
from alertadmin.outbox.delivery.rate_limit import RateLimiter
from alertadmin.outbox.delivery.routing import Router
from alertadmin.outbox.delivery.sender import deliver
from alertadmin.outbox.models import Delivery, DeliveryState, Purpose
from alertadmin.outbox.queue import claims
from alertadmin.outbox.queue.clock import Clock
from alertadmin.outbox.queue.run_locks import LeaseHeartbeat

log = logging.getLogger(__name__)

BATCH = 8
"""Deliveries claimed at once. Small, so that a test, the most urgent of all, is soon claimed."""
THREADS_PER_LANE = 4
"""Threads per lane: Microsoft Graph accepts four concurrent requests of one app."""
POISON_WAIT = timedelta(hours=1)
OUTAGE_WAIT = timedelta(minutes=1)
WAITING = frozenset({DeliveryState.PENDING, DeliveryState.UNCERTAIN})

Pause = Callable[[timedelta], None]


class Lane(Enum):
    """Tests of channels use the mail lane too."""

    MAIL = claims.TESTS | claims.BY_MAIL
    CHANNELS = claims.BY_CHANNEL & ~claims.TESTS


@dataclass
class Dispatcher:
    clock: Clock
    rate_limiter: RateLimiter
    heartbeat: LeaseHeartbeat
    stopping: Callable[[], bool]
    pause: Pause | None
    """Waits until a mailbox may send again; None: leave the rest to the next run."""
    only: UUID | None = None
    may_remind: bool = True
    ends: float | None = None
    """By time.monotonic; no delivery is begun later."""
    was_cut_short: bool = False
    _ended: bool = False
    _queues: dict[Lane, deque[Delivery]] = field(default_factory=lambda: {lane: deque() for lane in Lane})
    _busy_channels: set[UUID] = field(default_factory=set)
    """Channels with a delivery in the queue or being sent: one at a time per channel, so that a channel that never
    answers blocks a single thread."""
    _taking: Lock = field(default_factory=Lock)
    _router: Router | None = None
    _try_again_at: datetime | None = None
    _outcomes: Counter[str] = field(default_factory=Counter)
    _errors: list[Exception] = field(default_factory=list)
    _sending: dict[Thread, Delivery] = field(default_factory=dict)

    def run(self) -> Counter[str]:
        """Send until nothing is due or the run is over. Return how many deliveries were left in which state. Raises
        the first error of the database."""
        try:
            with self._taking:
                for lane in Lane:
                    self._fill(lane)
            lanes = [lane for lane in Lane if self._queues[lane]]
            if sum(map(len, self._queues.values())) > 1:
                self._send_in_threads(lanes)
            else:
                for lane in lanes:
                    self._send_all(lane)
        finally:
            # Stuck threads, which are abandoned, begin no other delivery.
            self._ended = True
            self._unclaim_queued()
        if self._errors:
            raise self._errors[0]
        return self._outcomes

    def _send_in_threads(self, lanes: list[Lane]) -> None:
        threads = [
            Thread(target=self._send_in_thread, args=[lane], name=f"{lane.name.lower()}-{n}", daemon=True)
            for lane in lanes
            for n in range(THREADS_PER_LANE)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive() and not self._is_stuck(thread):
                thread.join(1)

    def _send_in_thread(self, lane: Lane) -> None:
        try:
            self._send_all(lane)
        except Exception as error:
            self._errors.append(error)
        finally:
            connection.close()

    def _is_stuck(self, thread: Thread) -> bool:
        """Whether to abandon the thread, so that the run ends even if a server never answers."""
        delivery = self._sending.get(thread)
        return delivery is not None and self.heartbeat.is_stuck(delivery)

    def _send_all(self, lane: Lane) -> None:
        while (delivery := self._next(lane)) is not None:
            self.send(delivery)

    def send(self, delivery: Delivery) -> None:
        """Send a claimed delivery."""
        self.heartbeat.begin(delivery)
        self._sending[current_thread()] = delivery
        state = self._deliver_safely(delivery)
        self.heartbeat.remove(delivery)
        with self._taking:
            self._outcomes[state] += 1
            if delivery.channel_id is not None:
                self._busy_channels.discard(delivery.channel_id)

    def _next(self, lane: Lane) -> Delivery | None:
        queue = self._queues[lane]
        with self._taking:
            self._fill(lane)
            if not queue or self._is_over():
                return None
            delivery = queue.popleft()
            if self._router is None and delivery.purpose != Purpose.TEST:
                self._router = Router.for_reminders(self.clock())
            return delivery

    def _fill(self, lane: Lane) -> None:
        queue = self._queues[lane]
        while not queue and not self._is_over():
            now = self.clock()
            among = self._claimable(lane, now)
            if among is None:
                return
            for delivery in claims.claim(now, limit=BATCH, only=self.only, among=among):
                if delivery.channel_id is not None and delivery.channel_id in self._busy_channels:
                    claims.unclaim(delivery)
                    continue
                self.heartbeat.add(delivery)
                queue.append(delivery)
                if delivery.channel_id is not None:
                    self._busy_channels.add(delivery.channel_id)
            if not queue and not self._wait_for_mailbox(lane, now):
                return

    def _claimable(self, lane: Lane, now: datetime) -> Q | None:
        """Filter of the deliveries that may be claimed now; None for none."""
        if lane == Lane.CHANNELS:
            return lane.value & ~Q(channel__in=self._busy_channels) if self.may_remind else None
        if not self.may_remind:
            return claims.TESTS
        everything: Q = lane.value
        if self._router is None or self._can_send_mail(self._router, now):
            return everything
        return claims.TESTS | (claims.BY_MAIL & self._router.deliverable_otherwise())

    def _can_send_mail(self, router: Router, now: datetime) -> bool:
        """Whether the installation's routes accept mail now. If not, deliveries that have no other route are postponed
        together."""
        if not router.is_unavailable(now):
            return router.free_at(self.rate_limiter, now) is None
        if self._try_again_at is not None:
            last = router.last_failure(now)
            why = (
                {"cause": last.cause, "reason": last.technical}
                if last
                else {"cause": "other", "reason": messages.NO_ROUTE}
            )
            claims.postpone_reminders(now, self._try_again_at, among=~router.deliverable_otherwise(), **why)
        return False

    def _wait_for_mailbox(self, lane: Lane, now: datetime) -> bool:
        """Wait for a mailbox if the run may. Return whether to try to claim again."""
        if lane != Lane.MAIL or self.pause is None or self._router is None:
            return False
        free_at = None if self._router.is_unavailable(now) else self._router.free_at(self.rate_limiter, now)
        if free_at is None or not claims.due(free_at).filter(claims.BY_MAIL & ~claims.TESTS).exists():
            free_at = claims.next_rate_limit_slot(now)
        if free_at is None:
            return False
        self.pause(free_at - now)
        return True

    def _is_over(self) -> bool:
        if self._ended:
            return True
        if self.ends is not None and monotonic() > self.ends:
            self.was_cut_short = True
            return True
        return self.stopping()

    def _unclaim_queued(self) -> None:
        with contextlib.suppress(DatabaseError):  # their leases expire
            for queue in self._queues.values():
                for delivery in queue:
                    claims.unclaim(delivery)

    def _deliver_safely(self, delivery: Delivery) -> str:
        """Send, and on an unexpected exception postpone this delivery by an hour, so that the others continue."""
        try:
            router = self._router or Router([])
            state = reconcile.reconcile(
                delivery, router=router, rate_limiter=self.rate_limiter, clock=self.clock
            ) or deliver(delivery, router=router, rate_limiter=self.rate_limiter, clock=self.clock)
        except (OperationalError, InterfaceError) as error:
            # Connection lost, database killed or out of space: not caused by this delivery.
            log.error(
                "delivery %s met a database that failed (%s); it waits a minute", delivery.pk, type(error).__name__
            )
            return self._set_aside(delivery, type(error).__name__, OUTAGE_WAIT)
        except Exception as error:
            # The type's name alone: the text may hold a secret.
            log.error("delivery %s raised %s; it waits an hour", delivery.pk, type(error).__name__)
            return self._set_aside(delivery, type(error).__name__, POISON_WAIT)
        if state in WAITING and delivery.cause and not delivery.uses_channel and delivery.purpose != Purpose.TEST:
            with self._taking:
                again = router.next_try(self.clock()) or delivery.not_before
                self._try_again_at = max(again, self._try_again_at or again)
        return state

    def _set_aside(self, delivery: Delivery, error: str, wait: timedelta) -> str:
        try:
            now = self.clock()
            claims.fail_unexpectedly(delivery, now, not_before=now + wait, error=error)
        except DatabaseError:
            # It is reclaimed when its lease has expired.
            log.error("delivery %s could not be set aside either", delivery.pk)
            if not connection.in_atomic_block:
                connection.close()
        return delivery.state
