"""A sign-in provider, as configured in the operator's file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from allauth.socialaccount.models import SocialApp


@dataclass(frozen=True, slots=True)
class Grant:
    """A role that a group gives, in the whole installation or in the tenant with this directory id."""

    role: str
    directory_id: str | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    slug: str
    """Part of the redirect URI registered at the provider: `/sign-in/with/{slug}/back/`."""
    label: str
    issuer: str
    """Must equal the token's `iss` exactly."""
    client_id: str
    client_secret: str = field(repr=False)
    entra_tenant: str | None = None
    """Directory id of an Entra tenant; None for any other provider."""
    group_claims: tuple[str, ...] = ("groups",)
    """Claims that list the user's groups, and at Entra the app roles."""
    grants: Mapping[str, tuple[Grant, ...]] = field(default_factory=dict)
    """Roles by group: an object id, an app role's value, or a name."""
    email_domains: tuple[str, ...] = ()
    """Domains in which the provider may create accounts; none: see `adapter`."""
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    asks_second_factor: bool = False
    """A second factor verified by the provider is accepted instead of one here."""
    second_factor_context: str | None = None
    """Authentication context, such as "c1", by which Entra's Conditional Access requires MFA; None: use `amr`."""
    user_info: bool = False
    """Fetch claims missing in the ID token from the userinfo endpoint."""
    ca_file: str | None = None

    @property
    def subject_claim(self) -> str:
        """The claim that identifies a user permanently.

        Entra's `sub` differs for each client id; `oid` survives a new app registration.
        """
        return "oid" if self.entra_tenant else "sub"

    def app(self) -> SocialApp:
        """In django-allauth's form; never saved."""
        return SocialApp(
            provider="openid_connect",
            provider_id=self.slug,
            name=self.label,
            client_id=self.client_id,
            secret=self.client_secret,
            settings={"server_url": self.issuer, "oauth_pkce_enabled": True, "scope": list(self.scopes)},
        )
