"""Personal Microsoft accounts: added, signed in by device code, signed in again."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from alertadmin.accounts.access import access_of
from alertadmin.accounts.declaring import allows
from alertadmin.accounts.reauthentication import recently_confirmed
from alertadmin.accounts.roles import Right
from alertadmin.dashboard.asked import asked
from alertadmin.dashboard.mailboxes.forms import PersonalForm
from alertadmin.dashboard.posting import posted
from alertadmin.registry import signing_in
from alertadmin.registry.clouds import UnknownCloud
from alertadmin.registry.keyring import Unreadable
from alertadmin.registry.models import AppRegistration, Mailbox, SignIn
from alertadmin.registry.models.mailbox import of_the_installation
from alertadmin.retelling import retold
from alertadmin.watching import owner_letters
from mailer import device_code

ACCOUNTS = Mailbox.objects.select_related("tenant", "app__tenant")


@allows(Right.CHANGE)
@recently_confirmed("POST")
def add(request: HttpRequest) -> HttpResponse:
    """`?app=` says through which app. Saved, it gets a code at once."""
    app = asked(request, "app", AppRegistration.objects.select_related("tenant"))
    form = PersonalForm(request.POST or None, access=access_of(request), initial={"app": app})
    if request.method == "POST" and form.is_valid():
        return _begin(request, form.save())
    context = {"form": form, "above": [app.tenant, app] if app else []}
    return render(request, "mailboxes/add_personal.html", context)


@allows(Right.CHANGE, of=Mailbox)
def sign_in(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The code, and how it stands. Looking asks nobody: the button does, and the page presses it every few seconds."""
    found = get_object_or_404(ACCOUNTS, pk=pk)
    if not found.is_personal:
        return redirect(found)
    return render(request, "mailboxes/sign_in.html", _context(found, SignIn.objects.filter(mailbox=found).first()))


@allows(Right.CHANGE, of=Mailbox)
@recently_confirmed("POST")
@posted(back="mailbox-sign-in")
def begin(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = _account(pk)
    if Mailbox.objects.filter(of_the_installation(), pk=pk).exists():
        with transaction.atomic():
            owner_letters.tell(found, timezone.now())
    return _begin(request, found)


@allows(Right.CHANGE, of=Mailbox)
@posted(back="mailbox-sign-in")
def ask(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One question to Microsoft, of a few seconds at most."""
    found = _account(pk)
    under_way = SignIn.objects.filter(mailbox=found).first()
    if under_way is not None:
        under_way.mailbox = found
        try:
            under_way = signing_in.ask(under_way, now=timezone.now())
        except Unreadable as error:
            messages.error(request, retold(str(error)))
    if getattr(request, "htmx", False):
        return render(request, "mailboxes/sign_in_state.html", _context(found, under_way))
    return redirect("mailbox-sign-in", pk)


def _begin(request: HttpRequest, mailbox: Mailbox) -> HttpResponse:
    try:
        signing_in.begin(mailbox, now=timezone.now())
    except Unreadable as error:
        messages.error(request, retold(str(error)))
    return redirect("mailbox-sign-in", mailbox.pk)


def _account(pk: UUID) -> Mailbox:
    return get_object_or_404(ACCOUNTS, pk=pk, is_personal=True)


def _context(mailbox: Mailbox, under_way: SignIn | None) -> dict[str, object]:
    now = timezone.now()
    is_over = under_way is not None and under_way.state == "waiting" and under_way.expires_at <= now
    state = "expired" if is_over else under_way.state if under_way else "none"
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
