"""Who acts: known in one place for a request, a command, a task, so that no act has to be told who does it.

A middleware says it of requests, `management.job` of commands, `celery` of tasks. Whoever writes a record asks here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alertadmin.accounts.models import User

STRANGER, CLOCK, WORKER, PROCESS = "stranger", "clock", "worker", "process"
COMMAND = "command "
"""Followed by its name. No e-mail address holds a space, so none of these can be taken for a person."""


def _nobody() -> User | None:
    return None


@dataclass(frozen=True)
class Actor:
    kind: str = PROCESS
    """What acts where no person does: STRANGER, CLOCK, WORKER, a COMMAND, or a PROCESS that did not say more."""
    address: str = ""
    """Where the request came from; empty where none did."""
    request: str = ""
    """Ties together what one request did."""
    ask_person: Callable[[], User | None] = _nobody
    """Asked at the moment of the act: a request that signs somebody in begins as a stranger's."""

    @property
    def person(self) -> User | None:
        return self.ask_person()


_NOBODY_SAID = Actor()
_current: ContextVar[Actor] = ContextVar("actor", default=_NOBODY_SAID)


def current() -> Actor:
    return _current.get()


def set_actor(actor: Actor) -> Token[Actor]:
    """Until `leave`. Where there is a block to stand around, `acting` is simpler."""
    return _current.set(actor)


def reset_actor(token: Token[Actor]) -> None:
    _current.reset(token)


@contextmanager
def acting_as(actor: Actor) -> Iterator[None]:
    token = set_actor(actor)
    try:
        yield
    finally:
        reset_actor(token)
