"""django-allauth's adapter for sign-ins by a provider: accept or refuse, and for which account.

An account is found by issuer and subject only. An unknown identity gets an account if a group gives it a role, or by an
invitation; never because an existing account has the address that the provider states.
"""

from __future__ import annotations

import logging
import re
import secrets
from typing import TYPE_CHECKING, Any, NoReturn

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.base import AuthError, AuthProcess
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from alertadmin import audit
from alertadmin.accounts.email_address import clean_stored
from alertadmin.accounts.models import User
from alertadmin.accounts.models.membership import LastOwner, Membership, require_an_owner
from alertadmin.accounts.oidc import group_roles, provider_registry
from alertadmin.accounts.oidc.claims import Identity
from alertadmin.accounts.oidc.client import SignInProvider, provider_session
from alertadmin.accounts.oidc.http_session import ProviderSession
from alertadmin.accounts.reauthentication import is_recent
from alertadmin.accounts.services import invitations
from mailer.email_address import canonical
from mailer.http import wire_errors

if TYPE_CHECKING:
    from alertadmin.accounts.roles import RolesByScope
from alertadmin.accounts.oidc.provider import Provider

LOGGER = logging.getLogger(__name__)


class SignInRefused(Exception):
    """The sign-in is rolled back. `message` is for the user, `cause` the reason in the audit trail."""

    def __init__(self, cause: str, message: str, user: User | None = None) -> None:
        super().__init__(message)
        self.cause, self.message, self.user = cause, message, user


ERROR_CODE = re.compile(r"AADSTS\d{4,8}")


class SocialAccountAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # it has no types
    # Providers come from the operator's file; the database has none.

    def list_apps(self, request: HttpRequest, provider: str | None = None, client_id: str | None = None) -> list[Any]:
        found = [one for one in provider_registry.providers() if client_id in (None, one.client_id)]
        return [one.app() for one in found if provider in (None, "openid_connect", one.slug)]

    def list_providers(self, request: HttpRequest) -> list[SignInProvider]:
        return [SignInProvider(request, one) for one in provider_registry.providers()]

    def get_provider(self, request: HttpRequest, provider: str, client_id: str | None = None) -> SignInProvider:
        found = provider_registry.find(provider)
        if found is None:
            raise SocialApp.DoesNotExist
        return SignInProvider(request, found)

    def get_requests_session(self) -> ProviderSession:
        return provider_session()

    def generate_state_param(self, state: dict[str, Any]) -> str:
        return secrets.token_urlsafe(32)

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return False

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]) -> Any:
        """Leave the user unchanged: only `_enter` creates accounts."""
        return sociallogin.user

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: SignInProvider,
        error: str | None = None,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> None:
        """Raises ImmediateHttpResponse: redirects to the sign-in page with a message."""
        label, has_state = provider.known.label, "state" in (extra_context or {})
        if exception is None and not has_state:
            message = _("This sign-in was started in another browser or more than ten minutes ago. Start again.")
            _refuse(request, provider.known, SignInRefused("state", message))
        if error == AuthError.CANCELLED:
            message = _("The sign-in at %(provider)s was cancelled.") % {"provider": label}
            _refuse(request, provider.known, SignInRefused("cancelled", message))
        said = f"{request.GET.get('error', '')} {request.GET.get('error_description', '')} {exception or ''}".strip()
        LOGGER.warning("Signing in by %s failed: %s", provider.known.slug, said)
        if exception is not None and wire_errors.proxy_error(exception):
            _refuse(request, provider.known, SignInRefused("proxy", proxy_message(label)))
        code = ERROR_CODE.search(said)
        words = {"provider": label, "code": f" ({code[0]})" if code else ""}
        message = _("%(provider)s did not say who you are%(code)s. Try again; the log of alertadmin says why.") % words
        _refuse(request, provider.known, SignInRefused("provider", message))

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Make sure that the account exists, is linked and has a role. Raises ImmediateHttpResponse if refused."""
        provider: Provider = sociallogin.provider.known
        login_state = sociallogin.state.get("data") or {}
        try:
            if not _nonce_matches(sociallogin.nonce, login_state.get("nonce")):
                raise SignInRefused("nonce", _("This sign-in was not started here. Start again."))
            if sociallogin.state.get("process") == AuthProcess.CONNECT:
                _connect(request, provider, sociallogin)
            elif sociallogin.is_existing:
                _update_groups(request, provider, sociallogin)
            else:
                _create_account(
                    provider,
                    sociallogin,
                    str(login_state.get("invitation", "")),
                    proves=bool(login_state.get("proves")),
                )
        except SignInRefused as refusal:
            _refuse(request, provider, refusal)
        except IntegrityError:
            # The other of two concurrent first sign-ins committed first.
            _refuse(
                request, provider, SignInRefused("race", _("You were signing in twice at the same time. Try again."))
            )


def proxy_message(label: str) -> str:
    """That the outbound proxy refused; the provider was not asked."""
    return _(
        "The outbound proxy of this installation did not let the connection to %(provider)s through. Tell its operator."
    ) % {"provider": label}


def _nonce_matches(said: object, expected: object) -> bool:
    """Compare the nonce in the token, which can be any JSON value, with the one sent."""
    if not isinstance(said, str) or not isinstance(expected, str):
        return False
    return secrets.compare_digest(said.encode("utf-8", "surrogatepass"), expected.encode())


def _update_groups(request: HttpRequest, provider: Provider, login: SocialLogin) -> None:
    """Update the group roles of an existing account."""
    identity: Identity = login.identity
    user: User = login.user
    try:
        with transaction.atomic():
            if group_roles.apply(user, group_roles.roles_by_scope(identity.grants), timezone.now()):
                require_an_owner()
    except LastOwner:
        message = _(
            "Your groups no longer make you an owner, and this installation has no other owner. Its operator can "
            "invite an owner by command: manage.py invite."
        )
        raise SignInRefused("last owner", message, user) from None
    if not Membership.objects.filter(user=user).exists():
        raise SignInRefused("no role", _no_role_message(provider, identity), user)
    if identity.has_too_many_groups and provider.grants:
        messages.warning(request, _group_overage_message(provider))


def _create_account(provider: Provider, login: SocialLogin, invitation: str, *, proves: bool) -> None:
    """Create the account of a new identity. The provider's claim does not prove the address; `proves` says whether
    the invitation's link was mailed."""
    identity: Identity = login.identity
    with transaction.atomic():
        wanted = group_roles.roles_by_scope(identity.grants)
        if invitation:
            try:
                user = invitations.accept(invitation, timezone.now(), proves=proves, name=identity.name)
            except ValidationError as error:
                raise SignInRefused("limit", error.messages[0]) from None
            if user is None:
                message = _(
                    "This invitation is no longer valid, or an account already has its address. Open its link again."
                )
                raise SignInRefused("invitation", message)
        elif wanted:
            user = _create_user(provider, identity, wanted)
        else:
            raise SignInRefused("no role", _no_role_message(provider, identity))
        group_roles.apply(user, wanted, timezone.now())
        _link(login, user, provider)


def _is_domain_allowed(provider: Provider, wanted: RolesByScope, address: str) -> bool:
    """Whether the provider may state this address. It must be in a domain listed for the provider. Without a list,
    a provider that grants a role in the whole installation may state any, one that grants a role in a tenant that
    tenant's domain."""
    domains = set(provider.email_domains)
    if not domains and None in wanted:
        return True
    if not domains:
        domains = set(group_roles.domains(wanted))
    return canonical(address).rpartition("@")[2] in {canonical(f"x@{one}").rpartition("@")[2] for one in domains if one}


def _create_user(provider: Provider, identity: Identity, wanted: RolesByScope) -> User:
    try:
        address = clean_stored(identity.address)
    except ValidationError:
        message = _("%(provider)s does not state your e-mail address, and without one you cannot be notified.")
        raise SignInRefused("no address", message % {"provider": provider.label}) from None
    if User.objects.by_address(address) is not None:
        # The provider's claim does not prove the address. Linking by it would give this account to any person able to
        # write the address into the provider's directory.
        message = _(
            "An account here already has your address. If it is yours, sign in to it as before, and connect "
            "%(provider)s on the page “Sign-in methods”."
        )
        raise SignInRefused("address is taken", message % {"provider": provider.label})
    if not _is_domain_allowed(provider, wanted, address):
        message = _(
            "%(provider)s says that your address is %(address)s, and is not asked about addresses of that domain. "
            "Ask an administrator for an invitation."
        )
        raise SignInRefused("address of another domain", message % {"provider": provider.label, "address": address})
    user = User.objects.create_user(address, None, name=identity.name, made_by=provider.slug)
    audit.record(audit.AuditAction.PERSON_CREATED, user, by=user, method=provider.slug)
    return user


def _link(login: SocialLogin, user: User, provider: Provider) -> None:
    login.user = login.account.user = user
    login.account.save()
    audit.record(audit.AuditAction.PERSON_LINKED, user, by=user, method=provider.slug)


def _connect(request: HttpRequest, provider: Provider, login: SocialLogin) -> NoReturn:
    """Link the provider to a signed-in account that has just reauthenticated."""
    user = request.user
    if not isinstance(user, User) or not is_recent(request):
        messages.error(request, _("That took too long. Start again."))
    elif login.is_existing and login.user != user:
        messages.error(
            request, _("This sign-in at %(provider)s belongs to another account here.") % {"provider": provider.label}
        )
    else:
        if not login.is_existing:
            with transaction.atomic():
                _link(login, user, provider)
        messages.success(request, _("You can now sign in with %(provider)s.") % {"provider": provider.label})
    raise ImmediateHttpResponse(redirect("security"))


def _no_role_message(provider: Provider, identity: Identity) -> str:
    if identity.has_too_many_groups and provider.grants:
        return _group_overage_message(provider)
    return _("%(provider)s knows you, but you have no role here. Ask an administrator of alertadmin.") % {
        "provider": provider.label
    }


def _group_overage_message(provider: Provider) -> str:
    return _(
        "You are in so many groups that %(provider)s left them out, so they give you no role here. In Entra, "
        "under Token configuration, limit the groups claim to “Groups assigned to the application”, or use app "
        "roles."
    ) % {"provider": provider.label}


def _refuse(request: HttpRequest, provider: Provider, refusal: SignInRefused) -> NoReturn:
    audit.record_refusal(
        audit.AuditAction.SESSION_SIGNED_IN,
        refusal.user,
        result=audit.Result.REFUSED,
        by=refusal.user,
        method=provider.slug,
        reason=refusal.cause,
    )
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        # A message would create a session for every anonymous request: the page derives its text from the URL.
        raise ImmediateHttpResponse(redirect(f"{reverse('sign-in')}?elsewhere=1"))
    messages.error(request, refusal.message)
    raise ImmediateHttpResponse(redirect("security" if request.user.is_authenticated else "sign-in"))
