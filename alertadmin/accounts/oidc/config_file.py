"""Read the operator's sign-in file: TOML with one table per provider. Each error is one sentence for the operator.

[northpark]                                       # part of the redirect URI: .../sign-in/with/northpark/back/
label = "Northpark Energy"                        # "Sign in with ..."
entra_tenant = "11111111-2222-3333-4444-555555555555"
client_id = "66666666-7777-8888-9999-000000000000"
client_secret_file = "northpark.secret"           # or client_secret = "...", or client_secret_env = "A_VARIABLE"
second_factor_context = "c1"                      # the authentication context by which Conditional Access asks for one

[northpark.groups]                                # a group's object id, or the value of an app role
"aaaaaaaa-0000-0000-0000-000000000001" = "administrator"
"aaaaaaaa-0000-0000-0000-000000000002" = { role = "viewer", tenant = "a customer's directory id" }

[keycloak]
label = "Keycloak"
issuer = "https://id.example.com/realms/main"     # any other provider of OpenID Connect
client_id = "alertadmin"
client_secret_env = "KEYCLOAK_SECRET"
group_claim = "groups"
second_factor = true                              # it asks for one itself, and says so in `amr` (RFC 8176)

Also: `email_domains` (domains in which it may create accounts), `cloud` (Entra's, such as "gcc-high"; default
"global"), `ca_file`, `scopes`, `user_info`.
"""

from __future__ import annotations

import os
import re
import ssl
import stat
import tomllib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from alertadmin.accounts.oidc.provider import Grant, Provider
from alertadmin.accounts.roles import Role
from mailer.clouds import Cloud

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
DOMAIN = re.compile(r"[^\s@.]+(\.[^\s@.]+)+")
TEXTS = frozenset(
    {"label", "issuer", "entra_tenant", "cloud", "client_id", "client_secret", "client_secret_file"}
    | {"client_secret_env", "group_claim", "ca_file", "second_factor_context"}
)
KNOWN = TEXTS | {"email_domains", "second_factor", "user_info", "scopes", "groups"}
SECRETS = ("client_secret", "client_secret_file", "client_secret_env")


class SignInFileError(ValueError):
    """The sign-in file cannot be used; the message says which entry and what to write instead."""


def load(path: Path, clouds: Mapping[str, Cloud], environ: Mapping[str, str] = os.environ) -> dict[str, Provider]:
    """Providers by slug, in the file's order. Raises SignInFileError."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SignInFileError(f"The sign-in file {path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        # A TOML error gives a position in the file, never the text there, which may be a secret.
        raise SignInFileError(f"The sign-in file {path} is not valid TOML: {error}.") from None
    found = {slug: _ProviderTable(path, slug, table, clouds, environ).provider() for slug, table in content.items()}
    if any("client_secret" in table for table in content.values()):
        _require_private_mode(path)
    return found


@dataclass(frozen=True, slots=True)
class _ProviderTable:
    path: Path
    slug: str
    table: Any
    clouds: Mapping[str, Cloud]
    environ: Mapping[str, str]

    def error(self, what: str) -> SignInFileError:
        return SignInFileError(f"{self.path}: [{self.slug}] {what}")

    def provider(self) -> Provider:
        self._check()
        entra, ca_file = self.table.get("entra_tenant"), self._relative_file("ca_file")
        issuer = self._entra_issuer(entra) if entra else self._issuer()
        if entra and ca_file is None:
            ca_file = self._cloud().ca_file
        claims = ("groups", "roles") if entra else (self.table.get("group_claim", "groups"),)
        return Provider(
            slug=self.slug,
            label=self._text("label"),
            issuer=issuer,
            client_id=self._text("client_id"),
            client_secret=self._secret(),
            entra_tenant=entra.lower() if entra else None,
            group_claims=claims,
            grants=self._grants(),
            email_domains=self._domains(),
            scopes=self._scopes(),
            asks_second_factor=self._flag("second_factor") or "second_factor_context" in self.table,
            second_factor_context=self._optional("second_factor_context"),
            user_info=self._flag("user_info"),
            ca_file=ca_file,
        )

    def _check(self) -> None:
        if not isinstance(self.table, dict):
            raise SignInFileError(f"{self.path}: {self.slug} must be a table, written [{self.slug}].")
        if not SLUG.fullmatch(self.slug):
            raise self.error("must have a name of small letters, digits and hyphens: it is part of an address.")
        if unknown := sorted(set(self.table) - KNOWN):
            raise self.error(f"has unknown keys {', '.join(unknown)}; known are {', '.join(sorted(KNOWN))}.")
        for key in sorted(TEXTS & set(self.table)):
            self._text(key)
        if ("issuer" in self.table) == ("entra_tenant" in self.table):
            raise self.error("must have either entra_tenant (a directory id of Entra) or issuer (an https address).")
        if "entra_tenant" not in self.table and "cloud" in self.table:
            raise self.error("has cloud, which goes with entra_tenant alone.")
        if "entra_tenant" in self.table and "group_claim" in self.table:
            raise self.error("has group_claim, which goes with issuer alone: Entra's are groups and roles.")

    def _text(self, key: str) -> str:
        value = self.table.get(key)
        if not isinstance(value, str) or not value.strip():
            raise self.error(f"{key} must be text in quotes." if key in self.table else f"lacks {key}.")
        return value.strip()

    def _optional(self, key: str) -> str | None:
        return self._text(key) if key in self.table else None

    def _flag(self, key: str) -> bool:
        value = self.table.get(key, False)
        if not isinstance(value, bool):
            raise self.error(f"{key} must be true or false, without quotes.")
        return value

    def _issuer(self) -> str:
        issuer = self._text("issuer")
        try:
            parts = urlsplit(issuer)
            whole = parts.scheme == "https" and parts.hostname and (parts.port is None or parts.port > 0)
        except ValueError:
            whole = False
        if not whole or parts.username is not None or parts.query or parts.fragment or re.search(r"\s", issuer):
            raise self.error(
                'issuer must be "https://", a host and perhaps a path, to the letter as the provider says it.'
            )
        return issuer

    def _entra_issuer(self, tenant: str) -> str:
        try:
            directory_id = str(uuid.UUID(tenant))
        except ValueError:
            raise self.error(
                "entra_tenant must be a directory (tenant) id such as 11111111-2222-3333-4444-555555555555: not a "
                "domain, and none of common, organizations and consumers, by which people of any tenant would come."
            ) from None
        return f"{self._cloud().authority}/{directory_id}/v2.0"

    def _cloud(self) -> Cloud:
        slug = self.table.get("cloud", "global")
        if slug not in self.clouds:
            raise self.error(f'cloud "{slug}" is not known; known are {", ".join(self.clouds)}.')
        return self.clouds[slug]

    def _secret(self) -> str:
        given = [key for key in SECRETS if key in self.table]
        if len(given) != 1:
            raise self.error(f"must have one of {', '.join(SECRETS)}.")
        key, value = given[0], self._text(given[0])
        if key == "client_secret":
            return value
        if key == "client_secret_env":
            if secret := self.environ.get(value, "").strip():
                return secret
            raise self.error(f"client_secret_env names the variable {value}, which is not set.")
        file = self._relative_file(key)
        try:
            secret = Path(str(file)).read_text(encoding="utf-8-sig").strip()
        except (OSError, UnicodeDecodeError):
            raise self.error(f"client_secret_file {file} cannot be read.") from None
        if not secret:
            raise self.error(f"client_secret_file {file} is empty.")
        return secret

    def _relative_file(self, key: str) -> str | None:
        """Resolve a path relative to this file; a `ca_file` must be loadable."""
        if key not in self.table:
            return None
        file = (self.path.parent / self._text(key)).resolve()
        if key == "ca_file":
            try:
                ssl.create_default_context(cafile=str(file))
            except OSError:  # ssl's own errors too
                raise self.error(f"ca_file {file} holds no certificate in PEM that can be read.") from None
        return str(file)

    def _domains(self) -> tuple[str, ...]:
        domains = self.table.get("email_domains", [])
        if not isinstance(domains, list) or not all(isinstance(one, str) and DOMAIN.fullmatch(one) for one in domains):
            raise self.error('email_domains must be a list of domains such as ["northpark.example"].')
        return tuple(domains)

    def _scopes(self) -> tuple[str, ...]:
        scopes = self.table.get("scopes", ["openid", "profile", "email"])
        if not isinstance(scopes, list) or "openid" not in scopes or not all(isinstance(one, str) for one in scopes):
            raise self.error('scopes must be a list of texts with "openid" among them.')
        return tuple(scopes)

    def _grants(self) -> dict[str, tuple[Grant, ...]]:
        groups = self.table.get("groups", {})
        if not isinstance(groups, dict):
            raise self.error(f"groups must be a table, written [{self.slug}.groups].")
        return {group: self._grants_of(group, given) for group, given in groups.items()}

    def _grants_of(self, group: str, given: object) -> tuple[Grant, ...]:
        return tuple(self._grant(group, one) for one in (given if isinstance(given, list) else [given]))

    def _grant(self, group: str, given: object) -> Grant:
        table = {"role": given} if isinstance(given, str) else given
        role = table.get("role") if isinstance(table, dict) else None
        if not isinstance(table, dict) or not isinstance(role, str) or set(table) - {"role", "tenant"}:
            raise self.error(f'groups: "{group}" must be a role in quotes, or {{ role = "...", tenant = "..." }}.')
        if role not in Role.values:
            raise self.error(f'groups: "{group}" has the role "{role}"; known are {", ".join(Role.values)}.')
        tenant = table.get("tenant")
        if tenant is None:
            return Grant(role)
        try:
            return Grant(role, str(uuid.UUID(tenant)))
        except (ValueError, AttributeError, TypeError):
            raise self.error(f'groups: "{group}" has a tenant that is no directory (tenant) id.') from None


def _require_private_mode(path: Path) -> None:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise SignInFileError(
            f"The sign-in file {path} holds a client secret, and others can read it. Run: chmod 600 {path}. "
            "Or name the secret by client_secret_file or client_secret_env."
        )
