"""Invitations: create, show, renew, revoke. The link is shown only after reauthentication."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from alertadmin.accounts.access import Access, access_of
from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.models import User
from alertadmin.accounts.models.invitation import Invitation
from alertadmin.accounts.reauthentication import recently_confirmed
from alertadmin.accounts.roles import ROLE_DESCRIPTIONS, Right, Role, can_grant
from alertadmin.accounts.services import invitations
from alertadmin.dashboard.users.forms import InviteForm
from alertadmin.outbox.mail_limits import TooManyMails
from alertadmin.outbox.mails import invitation as mails_invitation
from alertadmin.outbox.models import Delivery


@require_right(Right.PEOPLE)
@recently_confirmed("POST")
def invite(request: HttpRequest) -> HttpResponse:
    form = InviteForm(request.POST or None, access=access_of(request))
    if request.method == "POST" and form.is_valid():
        assert isinstance(request.user, User)  # noqa: S101 (signed in, by the middleware)
        data, now = form.cleaned_data, timezone.now()
        roles = {form.scope: Role(data["role"])}
        try:
            with transaction.atomic():
                made = invitations.invite(data["address"], roles, by=request.user, now=now, language=data["language"])
                mails_invitation.send(made, now, by=request.user)
            return redirect("invitation", made.pk)
        except TooManyMails as refused:
            form.add_error(None, refused)
    role_descriptions = [(role.label, ROLE_DESCRIPTIONS[role]) for role in Role]
    context = {"form": form, "role_descriptions": role_descriptions}
    return render(request, "users/invite.html", context, status=422 if form.errors else 200)


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
