"""The actor of the current request, command or task, in a context variable.

Set by `ActorMiddleware` for requests, `management.base` for commands and `celery` for tasks; read by `audit.log`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alertadmin.accounts.models import User

ANONYMOUS, CLOCK, WORKER, PROCESS = "stranger", "clock", "worker", "process"
COMMAND = "command "
"""Followed by the command's name. E-mail addresses contain no space, so no kind can be taken for one."""


def _no_person() -> User | None:
    return None


@dataclass(frozen=True)
class Actor:
    kind: str = PROCESS
    """What acts if no user does: ANONYMOUS (an anonymous request), CLOCK, WORKER, a COMMAND, or PROCESS by default."""
    address: str = ""
    """IP address of the request; empty without a request."""
    request: str = ""
    """The request's id, which links the entries of one request."""
    get_person: Callable[[], User | None] = _no_person
    """Evaluated at the time of the action, since a request that signs a user in begins as anonymous."""

    @property
    def person(self) -> User | None:
        return self.get_person()


_UNSET = Actor()
_current: ContextVar[Actor] = ContextVar("actor", default=_UNSET)


def current() -> Actor:
    return _current.get()


def set_actor(actor: Actor) -> Token[Actor]:
    """Set the actor until `reset_actor`. Prefer `acting_as` around a block."""
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
