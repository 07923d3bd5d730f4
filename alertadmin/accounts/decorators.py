"""Each page declares who may come to it; a page that declares nothing lets nobody in.

    @allows(Right.CHANGE, of=Mailbox)            with the mailbox whose id is in the address
    @allows(Right.LOOK, posting=Right.CHANGE)      to look at, and more to post
    @allows(Right.CHANGE, everywhere=True)       what is of the installation, not of one tenant
    @for_oneself                               whoever is signed in; it is about themselves
    @for_strangers                             nobody need be signed in; the page itself looks who comes

`AccessMiddleware` holds them to it before the view runs, so that no view can forget to ask.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.contrib.auth.decorators import login_not_required
from django.db.models import Model

from alertadmin.accounts.roles import Right

View = TypeVar("View", bound=Callable[..., Any])
LOOKING = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True)
class Declared:
    looking: Right | None
    """None: no role is needed."""
    posting: Right | None
    of: type[Model] | None = None
    """What the address's `pk` is the id of, where the right is done with one row."""
    everywhere: bool = False
    strangers: bool = False

    def right(self, method: str) -> Right | None:
        return self.looking if method in LOOKING else self.posting


def require_right(
    right: Right, *, posting: Right | None = None, of: type[Model] | None = None, everywhere: bool = False
) -> Callable[[View], View]:
    return _declare(Declared(right, posting or right, of, everywhere))


def login_only(view: View) -> View:
    return _declare(Declared(None, None))(view)


def public(view: View) -> View:
    return login_not_required(_declare(Declared(None, None, strangers=True))(view))


def declared(view: Callable[..., Any]) -> Declared | None:
    """What a view declared. Decorators that keep to functools.wraps hand it on."""
    return getattr(view, "declared", None)


def _declare(declaration: Declared) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        view.declared = declaration  # type: ignore[attr-defined]
        return view

    return decorate
