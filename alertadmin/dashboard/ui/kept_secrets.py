"""Forms that keep a pasted secret when another field is refused: the portal shows a secret only once.

`@keeps_secrets("value")` on a view keeps what is posted in that field, encrypted (`registry.credentials.kept_secrets`),
before the view runs. A page that shows the form again offers it by the row's ID in a tick box, never by the secret;
submitted with the tick and an empty field, the form gets the kept secret. A redirect ends it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from alertadmin.accounts.models import User
from alertadmin.crypto.keyring import KeyringError
from alertadmin.registry.credentials import kept_secrets
from alertadmin.registry.models import KeptSecret

PREFIX = "kept-"
"""Of the tick box of a field, before the field's name in the form."""

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


def keeps_secrets(*names: str) -> Callable[[View], View]:
    """Decorate a view of signed-in users. `names` are the secret fields, as posted; they stay out of error reports."""

    def decorate(view: View) -> View:
        @sensitive_post_parameters(*names)
        @wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method != "POST":
                return view(request, *args, **kwargs)
            if not _fill(request, names):
                messages.error(
                    request, _("What you had entered was kept for an hour, and is deleted now. Enter it again.")
                )
                return redirect(request.get_full_path())
            response = view(request, *args, **kwargs)
            if 300 <= response.status_code < 400:
                forget_secrets(request)
            return response

        return cast("View", wrapped)

    return decorate


def forget_secrets(request: HttpRequest) -> None:
    """Delete what this request keeps: it is stored, though the response is a page."""
    KeptSecret.objects.filter(pk__in=[kept.pk for kept in kept_of(request).values()]).delete()
    kept_of(request).clear()


def kept_of(request: HttpRequest) -> dict[str, KeptSecret]:
    """What is kept of this request, by the field's name in the form."""
    kept: dict[str, KeptSecret] = getattr(request, "kept_secrets", {})
    return kept


def offered(request: HttpRequest, field: forms.BoundField) -> KeptSecret | None:
    """The kept secret of a field that the page shows again; None if the secret itself is refused."""
    return None if field.errors else kept_of(request).get(field.html_name)


def _fill(request: HttpRequest, names: tuple[str, ...]) -> bool:
    """Keep the posted secrets, and put kept ones in the place of empty fields. False if one of those has expired."""
    if hasattr(request, "kept_secrets"):  # The user was asked to confirm who they are, and the view runs again.
        return True
    assert isinstance(request.user, User)  # noqa: S101 (signed in, by the middleware)
    now, path, data = timezone.now(), request.get_full_path(), request.POST.copy()
    found: dict[str, KeptSecret] = {}
    for name in names:
        key = data.pop(PREFIX + name, [""])[-1]
        if data.get(name, "").strip():
            try:
                kept = kept_secrets.keep(str(data[name]), request.user, path, name, now)
            except KeyringError:
                kept = None  # The form says so.
            if kept is not None:
                found[name] = kept
        elif key:
            known = kept_secrets.find(str(key), request.user, path, name, now)
            if known is None:
                return False
            found[name], data[name] = known
    request.POST = data  # type: ignore[assignment]
    request.kept_secrets = found  # type: ignore[attr-defined]
    return True
