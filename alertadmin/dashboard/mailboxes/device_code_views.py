"""Personal Microsoft accounts: add, sign in by device code, confirm, sign in again.

The user who enters the code binds their account. So only the session that started a sign-in sees its code and status
and can confirm the account; another session starts its own.
"""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from alertadmin.accounts.access import access_of
from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.models import User
from alertadmin.accounts.reauthentication import recently_confirmed
from alertadmin.accounts.roles import Right
from alertadmin.crypto.keyring import Unreadable
from alertadmin.dashboard.mailboxes.forms import PersonalForm
from alertadmin.dashboard.ui.decorators import post_only
from alertadmin.dashboard.ui.query_object import get_from_query
from alertadmin.monitoring import owner_notices
from alertadmin.registry.clouds import UnknownCloud
from alertadmin.registry.models import AppRegistration, DeviceCodeFlow, Mailbox
from alertadmin.registry.models.mailbox import of_the_installation
from alertadmin.registry.personal import device_code as personal_device_code
from alertadmin.stored_messages import render_error
from mailer import device_code

ACCOUNTS = Mailbox.objects.select_related("tenant", "app__tenant")
KEPT = "sign-in-of-mailbox-"
"""Prefix of the session key; the mailbox's ID follows."""


@require_right(Right.CHANGE)
@recently_confirmed("POST")
def add(request: HttpRequest) -> HttpResponse:
    """Add an account and get a code for it. `?app=` chooses the app."""
    app = get_from_query(request, "app", AppRegistration.objects.select_related("tenant"))
    form = PersonalForm(request.POST or None, access=access_of(request), initial={"app": app})
    if request.method == "POST" and form.is_valid():
        return _start_sign_in(request, form.save())
    context = {"form": form, "breadcrumbs": [app.tenant, app] if app else []}
    return render(request, "mailboxes/add_personal.html", context)


@require_right(Right.CHANGE, of=Mailbox)
def sign_in(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show the code and its status. GET sends no request to Microsoft; the form polls by POST every few seconds."""
    found = get_object_or_404(ACCOUNTS, pk=pk)
    if not found.is_personal:
        return redirect(found)
    return render(request, "mailboxes/sign_in.html", _context(request, found, _under_way(found)))


@require_right(Right.CHANGE, of=Mailbox)
@recently_confirmed("POST")
@post_only(back="mailbox-sign-in")
def start_sign_in(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = _account(request, pk)
    if Mailbox.objects.filter(of_the_installation(), pk=pk).exists():
        with transaction.atomic():
            owner_notices.notify_owners(found, timezone.now())
    return _start_sign_in(request, found)


@require_right(Right.CHANGE, of=Mailbox)
@post_only(back="mailbox-sign-in")
def ask(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Poll Microsoft once; takes a few seconds at most."""
    found = _account(request, pk)
    under_way = _under_way(found)
    if under_way is not None and _is_mine(request, under_way):
        try:
            under_way = personal_device_code.poll(under_way, now=timezone.now())
        except Unreadable as error:
            messages.error(request, render_error(error))
    if getattr(request, "htmx", False):
        return render(request, "mailboxes/sign_in_state.html", _context(request, found, under_way))
    return redirect("mailbox-sign-in", pk)


@require_right(Right.CHANGE, of=Mailbox)
@post_only(back="mailbox-sign-in")
def confirm(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Confirm the account that signed in; with `refuse`, reject it. Checks the right on the mailbox again."""
    found = _account(request, pk)
    under_way = _under_way(found)
    if under_way is None or not _is_mine(request, under_way):
        messages.error(request, _("This sign-in was started in another session. Start a new one."))
        return redirect("mailbox-sign-in", pk)
    try:
        if "refuse" in request.POST:
            personal_device_code.refuse(under_way)
        else:
            personal_device_code.confirm(under_way, now=timezone.now())
    except Unreadable as error:
        messages.error(request, render_error(error))
    return redirect("mailbox-sign-in", pk)


def _start_sign_in(request: HttpRequest, mailbox: Mailbox) -> HttpResponse:
    assert isinstance(request.user, User)  # noqa: S101 (signed in, by the middleware)
    try:
        _begun, secret = personal_device_code.start(mailbox, now=timezone.now(), by=request.user)
        request.session[f"{KEPT}{mailbox.pk}"] = secret
    except Unreadable as error:
        messages.error(request, render_error(error))
    return redirect("mailbox-sign-in", mailbox.pk)


def _account(request: HttpRequest, pk: UUID) -> Mailbox:
    return access_of(request).get_or_404(ACCOUNTS.filter(is_personal=True), pk, Right.CHANGE)


def _under_way(mailbox: Mailbox) -> DeviceCodeFlow | None:
    found = DeviceCodeFlow.objects.filter(mailbox=mailbox).first()
    if found is not None:
        found.mailbox = mailbox
    return found


def _is_mine(request: HttpRequest, under_way: DeviceCodeFlow) -> bool:
    secret = str(request.session.get(f"{KEPT}{under_way.mailbox_id}", ""))
    return isinstance(request.user, User) and personal_device_code.was_started_by(under_way, request.user, secret)


def _context(request: HttpRequest, mailbox: Mailbox, under_way: DeviceCodeFlow | None) -> dict[str, object]:
    now = timezone.now()
    state = under_way.state if under_way else "none"
    if under_way is not None and state in ("waiting", "held"):
        if under_way.expires_at <= now:
            state = "expired"
        elif not _is_mine(request, under_way):
            state = "of another"
    return {
        "mailbox": mailbox,
        "sign_in": under_way,
        "state": state,
        "is_signed_in": mailbox.is_signed_in(now),
        "is_login_page": under_way is not None and _is_login_page(mailbox, under_way.page),
        "heading": _("Sign in again") if mailbox.signed_in_at else _("Sign in"),
    }


def _is_login_page(mailbox: Mailbox, page: str) -> bool:
    try:
        return device_code.is_login_page(mailbox.tenant.mail_cloud, page)
    except UnknownCloud:
        return False
