"""Invitations: create, show, renew, revoke. The link is shown only after reauthentication."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache

from alertadmin.accounts.access import Access, access_of
from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.models import User
from alertadmin.accounts.models.invitation import Invitation
from alertadmin.accounts.reauthentication import recently_confirmed
from alertadmin.accounts.roles import ROLE_DESCRIPTIONS, Right, Role, can_grant
from alertadmin.accounts.services import invitations
from alertadmin.dashboard.ui.query_object import get_from_query
from alertadmin.dashboard.users.forms import SOME, InviteForm
from alertadmin.outbox.mail_limits import TooManyMails
from alertadmin.outbox.mails import invitation as mails_invitation
from alertadmin.outbox.models import Delivery
from alertadmin.registry.models import Tenant


@require_right(Right.PEOPLE)
@recently_confirmed("POST")
def invite(request: HttpRequest) -> HttpResponse:
    """Invite one or more users. `?tenant=` names a tenant; `more` in a POST asks for a field for another one."""
    access = access_of(request)
    if request.method == "POST" and "more" not in request.POST:
        form = InviteForm(request.POST, access=access)
        if form.is_valid() and (answer := _invite_all(request, form)):
            return answer
    else:
        form = InviteForm(initial=_entered(request, access), access=access)
    role_descriptions = [(role.label, ROLE_DESCRIPTIONS[role]) for role in Role]
    context = {"form": form, "role_descriptions": role_descriptions}
    return render(request, "users/invite.html", context, status=422 if form.errors else 200)


def _entered(request: HttpRequest, access: Access) -> dict[str, Any]:
    """What the form shows before it is sent: what was entered, or the tenant from whose page the user comes."""
    if request.method == "POST":
        kept = ("address", "role", "place", "language")
        return {**{name: request.POST.get(name, "") for name in kept}, "tenant": request.POST.getlist("tenant")}
    tenant = get_from_query(request, "tenant", access.visible(Tenant, Right.PEOPLE))
    if tenant is None:
        return {}
    is_unique = access.visible(Tenant, Right.PEOPLE).filter(name=tenant.name).count() == 1
    return {"tenant": [tenant.name if is_unique else tenant.directory_id], "place": SOME}


def _invite_all(request: HttpRequest, form: InviteForm) -> HttpResponse | None:
    """Invite each address. None if a limit was reached: the form then has the addresses that remain."""
    assert isinstance(request.user, User)  # noqa: S101 (signed in, by the middleware)
    data, now = form.cleaned_data, timezone.now()
    roles = dict.fromkeys(form.scopes, Role(data["role"]))
    made: list[Invitation] = []
    for address in data["address"]:
        try:
            with transaction.atomic():
                one = invitations.invite(address, roles, by=request.user, now=now, language=data["language"])
                mails_invitation.send(one, now, by=request.user)
        except TooManyMails as refused:
            left = data["address"][len(made) :]
            remaining: Any = form.data.copy()  # type: ignore[attr-defined]  # a QueryDict
            remaining["address"] = "\n".join(left)
            form.data = remaining
            form.add_error("address", refused)
            if made:
                _say_invited(request, made)
            return None
        made.append(one)
    if len(made) == 1:
        return redirect("invitation", made[0].pk)
    _say_invited(request, made)
    return redirect("members")


def _say_invited(request: HttpRequest, made: list[Invitation]) -> None:
    words = ngettext("Invited: %(addresses)s.", "%(count)d users are invited: %(addresses)s.", len(made))
    addresses = ", ".join(one.address for one in made)
    messages.success(request, words % {"count": len(made), "addresses": addresses})


@require_right(Right.PEOPLE, of=Invitation)
@never_cache
@recently_confirmed()
def invitation(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = access_of(request).get_or_404(
        Invitation.objects.select_related("invited_by", "accepted_by"), pk, Right.PEOPLE
    )
    mails = Delivery.objects.filter(dedupe_key=f"{mails_invitation.PREFIX}{found.key}")
    context = {
        "invitation": found,
        "roles": found.roles.select_related("tenant").order_by("tenant__name", "pk"),
        "is_open": found.is_open(timezone.now()),
        "shows_link": _may_see_link(access_of(request), found),
        "mail": mails.first(),
    }
    return render(request, "users/invitation.html", context)


def _may_see_link(access: Access, found: Invitation) -> bool:
    """The link gives its roles to its reader, so only users with a role in all tenants who could grant these roles
    themselves may see it."""
    gives = all(can_grant(access.rights_in(scope), role) for scope, role in invitations.roles_by_scope(found).items())
    return access.in_all_tenants(Right.PEOPLE) and gives


@require_right(Right.PEOPLE, of=Invitation)
@recently_confirmed("POST")
def renew(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Send a new link, valid for seven days; the old one becomes invalid."""
    found = access_of(request).get_or_404(Invitation, pk, Right.PEOPLE)
    if request.method == "POST" and found.accepted_at is None and found.revoked_at is None:
        now = timezone.now()
        assert isinstance(request.user, User)  # noqa: S101 (signed in, by the middleware)
        try:
            with transaction.atomic():
                invitations.renew(found, now)
                mails_invitation.send(found, now, by=request.user)
            messages.success(request, _("A new link is being sent; the old one no longer works."))
        except TooManyMails as refused:
            messages.error(request, refused.messages[0])
    return redirect("invitation", pk)


@require_right(Right.PEOPLE, of=Invitation)
@recently_confirmed("POST")
def revoke(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = access_of(request).get_or_404(Invitation, pk, Right.PEOPLE)
    if request.method == "POST" and found.is_open(timezone.now()):
        invitations.revoke(found, timezone.now())
        messages.success(request, _("The invitation is withdrawn."))
    return redirect("members")
