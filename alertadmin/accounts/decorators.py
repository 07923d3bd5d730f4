"""Access declarations of views. A view without a declaration is denied to every user.

    @require_right(Right.CHANGE, of=Mailbox)                    on the mailbox whose id is the URL's `pk`
    @require_right(Right.LOOK, posting=Right.CHANGE)            LOOK for GET, CHANGE for POST
    @require_right(Right.CHANGE, everywhere=True)               in the whole installation
    @login_only                                                 any signed-in user, about their own account
    @public                                                     anonymous; the view checks its own token

`AccessMiddleware` enforces the declaration before the view runs, so a view cannot forget the check.
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
    """The model whose id is the URL's `pk`, if the right concerns one row."""
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
    """The view's declaration, also through decorators that use functools.wraps; None if it has none."""
    return getattr(view, "declared", None)


def _declare(declaration: Declared) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        view.declared = declaration  # type: ignore[attr-defined]
        return view

    return decorate
