from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib import messages
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from alertadmin.accounts.access import access_of
from alertadmin.accounts.decorators import require_right
from alertadmin.accounts.models import User
from alertadmin.accounts.models.invitation import Invitation, InvitedRole
from alertadmin.accounts.models.membership import LastOwner, Membership, RoleSource
from alertadmin.accounts.models.pending_role import PendingRole
from alertadmin.accounts.oidc import provider_registry
from alertadmin.accounts.reauthentication import recently_confirmed
from alertadmin.accounts.roles import ROLE_DESCRIPTIONS, Right, Role, can_grant
from alertadmin.accounts.services import role_grants, users
from alertadmin.dashboard.ui.tables import Column, Filter, Table
from alertadmin.dashboard.users.forms import RoleForm
from alertadmin.outbox.mail_limits import TooManyMails
from alertadmin.outbox.mails import address_proof

LISTING = Table(
    name="members",
    columns=(
        Column(gettext_lazy("User"), "email", is_fixed=True),
        Column(gettext_lazy("Roles"), key="roles"),
        Column(gettext_lazy("Last sign-in"), key="signed_in"),
        Column(gettext_lazy("MFA"), key="mfa"),
        Column(gettext_lazy("Status"), key="state"),
    ),
    search=("email", "name"),
    filters={
        "is": Filter(
            gettext_lazy("Status"),
            [("on", gettext_lazy("active")), ("off", gettext_lazy("disabled"))],
            lambda chosen: Q(is_active=chosen == "on"),
        )
    },
    default="email",
)


def _visible_users(request: HttpRequest) -> QuerySet[User]:
    """Users visible to the viewer, with their visible roles."""
    access = access_of(request)
    roles = access.visible(Membership.objects.select_related("tenant"), Right.PEOPLE)
    factors = Authenticator.objects.filter(user=OuterRef("pk")).exclude(type=Authenticator.Type.RECOVERY_CODES)
    found = access.visible(User.objects.all(), Right.PEOPLE)
    return found.annotate(has_factor=Exists(factors)).prefetch_related(
        Prefetch("memberships", roles.order_by("tenant__name", "pk"), to_attr="known_roles")
    )


@require_right(Right.PEOPLE)
def user_list(request: HttpRequest) -> HttpResponse:
    page = LISTING.page(request, _visible_users(request).select_related("pending_role"))
    waiting = access_of(request).visible(Invitation.objects.open(timezone.now()), Right.PEOPLE)
    context = {
        "page": page,
        "rows": page.rows,
        "shows_invitations": access_of(request).in_all_tenants(Right.PEOPLE),
        "invitations": waiting.prefetch_related(Prefetch("roles", InvitedRole.objects.select_related("tenant"))),
        "provider_error": provider_registry.load_error() if access_of(request).in_all_tenants(Right.GOVERN) else "",
    }
    return render(request, "users/list.html", context)


@require_right(Right.PEOPLE, of=User)
def person(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, pk, RoleForm(access=access_of(request)))


def _page(request: HttpRequest, pk: int, form: RoleForm) -> HttpResponse:
    access = access_of(request)
    found: Any = get_object_or_404(_visible_users(request), pk=pk)
    assert isinstance(request.user, User)  # noqa: S101 (signed in, by the middleware)
    rows = [
        (one, one.source == RoleSource.HAND and can_grant(access.rights_in(one.tenant_id), Role(one.role)))
        for one in found.known_roles
    ]
    context = {
        "person": found,
        "roles": rows,
        "form": form,
        "is_self": found == request.user,
        "may_manage": users.can_manage(request.user, found),
        "pending": _pending(request, found),
        "links": SocialAccount.objects.filter(user=found) if access.in_all_tenants(Right.PEOPLE) else [],
        "role_descriptions": [(role.label, ROLE_DESCRIPTIONS[role]) for role in Role],
    }
    return render(request, "users/person.html", context, status=422 if form.errors else 200)


def _pending(request: HttpRequest, found: User) -> dict[str, Any] | None:
    """The pending role and its mail's delivery, for administrators of all tenants."""
    access = access_of(request)
    row = PendingRole.objects.filter(user=found).select_related("given_by").first()
    if row is None or not access.in_all_tenants(Right.PEOPLE):
        return None
    return {
        "row": row,
        "is_open": row.ends_at > timezone.now(),
        "mail": address_proof.delivery_of(row),
        "may_change": found != request.user and can_grant(access.rights_in(None), Role(row.role)),
    }


@require_right(Right.PEOPLE, of=User)
@recently_confirmed("POST")
def person_role(request: HttpRequest, pk: int) -> HttpResponse:
    """Grant or remove a role. `take` is a tenant's id, or empty for the whole installation."""
    if request.method != "POST":
        return redirect("person", pk)
    access = access_of(request)
    target = access.get_or_404(User, pk, Right.PEOPLE)
    if "take" in request.POST:
        memberships = access.visible(Membership.objects.filter(user=target, source=RoleSource.HAND), Right.PEOPLE)
        row = next((one for one in memberships if str(one.tenant_id or "") == request.POST["take"]), None)
        if row is None:
            return redirect("person", pk)
        scope = row.tenant_id
        return _run_action(request, target, lambda by: users.set_role(target, scope, None, by=by))
    form = RoleForm(request.POST, access=access)
    if not form.is_valid():
        return _page(request, pk, form)
    try:
        return _run_action(request, target, lambda by: _grant(target, form, by))
    except TooManyMails as refused:
        form.add_error(None, refused)
        return _page(request, pk, form)


def _grant(target: User, form: RoleForm, by: User) -> str | None:
    """A warning for the page if the role is pending."""
    role = Role(form.cleaned_data["role"])
    if users.set_role(target, form.scope, role, by=by):
        return None
    return _(
        "The role “%(role)s” is pending: %(address)s is not confirmed as this user’s address yet. A link was "
        "sent to it; the role takes effect when the link is opened and confirmed."
    ) % {"role": role.label, "address": target.email}


@require_right(Right.PEOPLE, of=User)
@recently_confirmed("POST")
def person_role_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Withdraw a pending role; its mailed link becomes invalid."""
    access = access_of(request)
    target = access.get_or_404(User, pk, Right.PEOPLE)
    if request.method != "POST" or not access.in_all_tenants(Right.PEOPLE):
        return redirect("person", pk)
    return _run_action(request, target, lambda by: role_grants.withdraw(target, by=by))


@require_right(Right.PEOPLE, of=User)
@recently_confirmed("POST")
def person_switch(request: HttpRequest, pk: int) -> HttpResponse:
    """Deactivate, ending all sessions, or reactivate. The button names the state, so a repeated POST is harmless."""
    if request.method != "POST":
        return redirect("person", pk)
    target, to = access_of(request).get_or_404(User, pk, Right.PEOPLE), request.POST.get("to")
    if to == "off":
        return _run_action(request, target, lambda by: users.deactivate(target, by=by, now=timezone.now()))
    if to == "on":
        return _run_action(request, target, lambda by: users.activate(target, by=by))
    return redirect("person", pk)


@require_right(Right.PEOPLE, of=User)
@recently_confirmed("POST")
def person_reset(request: HttpRequest, pk: int) -> HttpResponse:
    if request.method != "POST":
        return redirect("person", pk)
    target = access_of(request).get_or_404(User, pk, Right.PEOPLE)
    return _run_action(request, target, lambda by: users.reset_factors(target, by=by))


@require_right(Right.PEOPLE, of=User)
@recently_confirmed("POST")
def person_delete(request: HttpRequest, pk: int) -> HttpResponse:
    target = access_of(request).get_or_404(User, pk, Right.PEOPLE)
    assert isinstance(request.user, User)  # noqa: S101 (signed in, by the middleware)
    if not users.can_manage(request.user, target):
        return redirect("person", pk)
    if request.method != "POST":
        means = _("Calendars and open invitations are deleted too; actions stay in the audit trail.")
        return render(request, "partials/confirm_delete.html", {"thing": target, "means": means})
    return _run_action(request, target, lambda by: users.remove(target, by=by), back="members")


def _run_action(request: HttpRequest, target: User, act: Callable[[User], object], back: str = "") -> HttpResponse:
    """Run the action; a returned text replaces the message “Done.”"""
    assert isinstance(request.user, User)  # noqa: S101 (signed in, by the middleware)
    page = target.get_absolute_url()
    try:
        said = act(request.user)
    except (users.NotAllowed, role_grants.RoleGrantRefused, LastOwner) as error:
        messages.error(request, str(error))
        return redirect(page)
    if isinstance(said, str):
        messages.warning(request, said)
    else:
        messages.success(request, _("Done."))
    return redirect(back or page)
