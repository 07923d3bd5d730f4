"""Forms that keep a pasted secret when another field is refused: the portal shows a secret only once.

`@keeps_secrets("value")` on a view keeps what is posted in that field, encrypted (`registry.credentials.kept_secrets`),
before the view runs. A page that shows the form again offers it by the row's ID in a tick box, never by the secret;
submitted with the tick and an empty field, the form gets the kept secret. A redirect ends it. If it is gone meanwhile,
the form, a `KeptSecretsForm`, refuses that field, and shows again what was entered in the others.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django import forms
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters

from alertadmin.accounts.models import User
from alertadmin.crypto.keyring import KeyringError
from alertadmin.registry.credentials import kept_secrets
from alertadmin.registry.models import KeptSecret

PREFIX = "kept-"
"""Of the tick box of a field, before the field's name in the form."""
GONE = gettext_lazy("What you had entered was kept for an hour, and is deleted now. Enter it again.")

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


class KeptSecretsForm(forms.BaseForm):
    """Mixin of a form whose view `keeps_secrets`: a ticked secret that cannot be had any more is an error."""

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        for name in self.fields:
            if self.data.get(PREFIX + self.add_prefix(name)):
                self.errors.pop(name, None)  # In place of "required".
                self.add_error(name, GONE)
        return data


def keeps_secrets(*names: str, also_sensitive: tuple[str, ...] = ()) -> Callable[[View], View]:
    """Decorate a view of signed-in users. `names` are the secret fields, as posted. They and `also_sensitive` stay out
    of error reports; a further `sensitive_post_parameters` would replace this one."""

    def decorate(view: View) -> View:
        @sensitive_post_parameters(*names, *also_sensitive)
        @wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method != "POST":
                return view(request, *args, **kwargs)
            _fill(request, names)
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


def _fill(request: HttpRequest, names: tuple[str, ...]) -> None:
    """Keep the posted secrets, and put kept ones in the place of empty fields. The tick of one that is gone stays, for
    `KeptSecretsForm`."""
    if hasattr(request, "kept_secrets"):  # The user was asked to confirm who they are, and the view runs again.
        return
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
                data[PREFIX + name] = key
            else:
                found[name], data[name] = known
    request.POST = data  # type: ignore[assignment]
    request.kept_secrets = found  # type: ignore[attr-defined]
