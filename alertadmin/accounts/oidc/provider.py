"""A provider as the operator's file describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from allauth.socialaccount.models import SocialApp


@dataclass(frozen=True, slots=True)
class Grant:
    """A role that a group gives: for the whole installation, or for the tenant with this directory id alone."""

    role: str
    directory_id: str | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    slug: str
    """Part of the redirect URI that is registered there: `/sign-in/with/{slug}/back/`."""
    label: str
    issuer: str
    """What `iss` must be, to the letter."""
    client_id: str
    client_secret: str = field(repr=False)
    entra_tenant: str | None = None
    """The directory id of an Entra tenant; None for any other provider."""
    group_claims: tuple[str, ...] = ("groups",)
    """Where a person's groups stand, and at Entra their app roles."""
    grants: Mapping[str, tuple[Grant, ...]] = field(default_factory=dict)
    """By group: an object id, an app role's value, a name."""
    email_domains: tuple[str, ...] = ()
    """For whose addresses it may make accounts; none: see `adapter`."""
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    asks_second_factor: bool = False
    """A second factor that it says was shown there stands for one of ours."""
    second_factor_context: str | None = None
    """The authentication context, such as "c1", by which Entra's Conditional Access asks for one; None: by `amr`."""
    user_info: bool = False
    """What its ID token leaves out is asked from its userinfo endpoint."""
    ca_file: str | None = None

    @property
    def subject_claim(self) -> str:
        """Which claim says who somebody is for good.

        Entra's `sub` is another for each client id: `oid` outlives a new app registration.
        """
        return "oid" if self.entra_tenant else "sub"

    def app(self) -> SocialApp:
        """As django-allauth wants to be told; it is never stored."""
        return SocialApp(
            provider="openid_connect",
            provider_id=self.slug,
            name=self.label,
            client_id=self.client_id,
            secret=self.client_secret,
            settings={"server_url": self.issuer, "oauth_pkce_enabled": True, "scope": list(self.scopes)},
        )
