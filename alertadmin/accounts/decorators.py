"""Access declarations of views. A view without a declaration is denied to every user.

    @require_right(Right.CHANGE, of=Mailbox)                    on the mailbox whose id is the URL's `pk`
    @require_right(Right.LOOK, posting=Right.CHANGE)            LOOK for GET, CHANGE for POST
    @require_right(Right.CHANGE, in_all_tenants=True)           in the whole installation
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
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True)
class AccessDeclaration:
    read_right: Right | None
    """None: no role is needed."""
    write_right: Right | None
    of: type[Model] | None = None
    """The model whose id is the URL's `pk`, if the right concerns one row."""
    in_all_tenants: bool = False
    is_public: bool = False

    def right(self, method: str) -> Right | None:
        return self.read_right if method in SAFE_METHODS else self.write_right


def require_right(
    right: Right, *, posting: Right | None = None, of: type[Model] | None = None, in_all_tenants: bool = False
) -> Callable[[View], View]:
    return _declare(AccessDeclaration(right, posting or right, of, in_all_tenants))


def login_only(view: View) -> View:
    return _declare(AccessDeclaration(None, None))(view)


def public(view: View) -> View:
    return login_not_required(_declare(AccessDeclaration(None, None, is_public=True))(view))


def access_declaration(view: Callable[..., Any]) -> AccessDeclaration | None:
    """The view's declaration, also through decorators that use functools.wraps; None if it has none."""
    return getattr(view, "declared", None)


def _declare(declaration: AccessDeclaration) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        view.declared = declaration  # type: ignore[attr-defined]
        return view

    return decorate
