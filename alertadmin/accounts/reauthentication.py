"""Reauthentication before sensitive actions, in case the session was left open or stolen.

`@recently_confirmed()` on a view requires that the user authenticated within the last minutes, by password, code or
passkey; a sign-in counts. After a GET the user returns to the page. A POST keeps its data: the confirmation page holds
it in hidden inputs and submits it together with the answer, except the parameters that the view declares sensitive:
of those it holds the IDs under which the view has kept them (`request.kept_secrets`), or the user enters them again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any, TypeVar, cast
from urllib.parse import urlencode

from allauth.mfa.models import Authenticator
from django import forms
from django.dispatch import Signal
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_htmx.http import HttpResponseClientRedirect

from alertadmin.accounts import throttling
from alertadmin.accounts.mfa import passkeys
from alertadmin.accounts.mfa.forms import ConfirmingCodeForm
from alertadmin.accounts.middleware import page_of
from alertadmin.accounts.models import User
from alertadmin.adapters.allauth import (
    begin_passkey_authentication,
    get_authentication_records,
    post_authentication,
    record_authentication,
)
from alertadmin.clock_skew import is_ahead

RECENTLY = timedelta(minutes=10)
PREFIX = "confirm"

reauthentication_failed = Signal()
"""Sent with `request` and `how` ("password" or "passkey") after a wrong answer. A wrong code sends allauth's
`authentication_failed`."""

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


def is_recent(request: HttpRequest, now: datetime | None = None) -> bool:
    """Whether the user authenticated within RECENTLY."""
    records = get_authentication_records(request, request.user)
    now = now or timezone.now()
    return any(now - _authenticated_at(one) < RECENTLY and not is_ahead(_authenticated_at(one), now) for one in records)


def _authenticated_at(record: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(record["at"], UTC)


def recently_confirmed(*methods: str) -> Callable[[View], View]:
    """Require recent authentication for a view; only for these methods, if any are given."""

    def decorator(view: View) -> View:
        @wraps(view)
        def confirmed(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            is_free = bool(methods) and request.method not in methods
            asked = None if is_free or is_recent(request) else request_confirmation(request)
            return view(request, *args, **kwargs) if asked is None else asked

        return cast("View", confirmed)

    return decorator


def request_confirmation(request: HttpRequest) -> HttpResponse | None:
    """The response that asks the user to confirm; None if this request has a valid answer."""
    is_htmx = bool(getattr(request, "htmx", False))
    if request.method in ("GET", "HEAD") and not is_htmx:
        return redirect(_confirm_url(request.get_full_path()))
    if is_htmx or request.FILES:
        # The confirmation page can keep neither an HTML fragment nor an uploaded file.
        url = _confirm_url(page_of(request))
        return HttpResponseClientRedirect(url) if is_htmx else redirect(url)
    answers = any(name.startswith(f"{PREFIX}-") for name in request.POST)
    form = ConfirmForm(request.POST if answers else None, request=request)
    if answers and form.is_valid():
        return None
    return confirmation_page(request, form, request.get_full_path(), status=403)


def _confirm_url(back_to: str) -> str:
    query = f"?{urlencode({'next': back_to}, safe='/')}" if back_to else ""
    return f"{reverse('confirm')}{query}"


def confirmation_page(request: HttpRequest, form: ConfirmForm, action: str, status: int = 200) -> HttpResponse:
    """Ask for a password, code or passkey. The answer is posted to `action` with the data of the original request."""
    context = {"form": form, "action": action, "carried": _carried_fields(request)}
    if form.has_passkey:
        context["passkey"] = begin_passkey_authentication(request.user)
    if form.is_throttled:
        status = 429
    return render(request, "auth/confirm.html", context, status=status)


def _carried_fields(request: HttpRequest) -> list[tuple[str, str]]:
    sensitive = getattr(request, "sensitive_post_parameters", ())
    kept = [(f"kept-{name}", str(secret.pk)) for name, secret in getattr(request, "kept_secrets", {}).items()]
    return kept + [
        (name, value)
        for name, values in request.POST.lists()
        if name != "csrfmiddlewaretoken" and not name.startswith(f"{PREFIX}-")
        if sensitive != "__ALL__" and name not in sensitive
        for value in values
    ]


class _OptionalAnswerField(forms.CharField):
    """Not required: one of the fields is enough."""

    def validate(self, value: Any) -> None:
        pass


class ConfirmForm(forms.Form):
    """Accept one valid answer and record the authentication at once."""

    prefix = PREFIX
    password = _OptionalAnswerField(
        label=gettext_lazy("Your password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )
    code = _OptionalAnswerField(
        label=gettext_lazy("Or a code"),
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
        help_text=gettext_lazy("Six digits from your authenticator app, or one of your recovery codes."),
    )
    passkey = passkeys.AnswerField(required=False)

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        assert isinstance(request.user, User)  # noqa: S101 (signed in, by the middleware)
        self.request, self.user = request, request.user
        kinds = set(Authenticator.objects.filter(user=self.user).values_list("type", flat=True))
        self.has_passkey = Authenticator.Type.WEBAUTHN in kinds
        if not self.user.has_usable_password():
            del self.fields["password"]
            self.fields["code"].label = _("Code")
        if Authenticator.Type.TOTP not in kinds:
            del self.fields["code"]
        if not self.has_passkey:
            del self.fields["passkey"]

    @property
    def is_throttled(self) -> bool:
        return any(self.has_error(name, "throttled") for name in ("password", "code") if name in self.fields)

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if given.get("passkey"):
            self._by_passkey(given["passkey"])
        elif given.get("code"):
            self._by_code(given["code"])
        elif given.get("password"):
            self._by_password(given["password"])
        elif not self.errors:
            self.add_error(None, _("Confirm your identity: nothing was entered."))
        return {}

    def _by_password(self, password: str) -> None:
        try:
            guess = throttling.throttle(self.request, self.user.email)
        except throttling.Throttled as error:
            self.add_error("password", error)
            return
        if not self.user.check_password(password):
            reauthentication_failed.send(sender=ConfirmForm, request=self.request, how="password")
            self.add_error("password", _("This is not your password."))
            return
        guess.reset()
        record_authentication(self.request, self.user, "password", reauthenticated=True)

    def _by_code(self, code: str) -> None:
        form: Any = ConfirmingCodeForm({"code": code}, user=self.user)  # type: ignore[call-arg]  # allauth has no types
        if form.is_valid():
            form.save()
            return
        for error in form.errors.as_data()["code"]:
            self.add_error("code", error)

    def _by_passkey(self, answer: Any) -> None:
        try:
            used = passkeys.verify_assertion(self.user, answer)
        except forms.ValidationError as error:
            reauthentication_failed.send(sender=ConfirmForm, request=self.request, how="passkey")
            self.add_error(None, error)
            return
        post_authentication(self.request, used, reauthenticated=True)
