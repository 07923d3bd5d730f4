"""Settings that cannot be used and are ignored; the rest of the program works without them.

An invalid setting that is read at startup (alertadmin.environment) prevents the start instead, with a message: then an
operator is present. These are read while the program runs, so an error in one of them must affect nothing else.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings

from alertadmin import setting_rules, tls_files
from alertadmin.accounts.oidc import provider_registry
from alertadmin.monitoring import messages
from alertadmin.outbox.delivery import connections
from alertadmin.registry import clouds
from mailer.coded_text import english


@dataclass(frozen=True)
class BadSetting:
    name: str
    """For example ALERTADMIN_SMTP_URL."""
    error: str
    """An English sentence: what is wrong, and what to write. It contains no password or token."""

    is_set_aside: bool = True
    """False: the setting is in effect, but should be changed."""
    code: str = "set_aside"
    """Of the problem in monitoring/health_checks.py."""

    @property
    def fails_check(self) -> bool:
        """Whether `manage.py check` fails. An entry in a file does not: it affects no other, and its correction needs
        no restart."""
        name = self.name.removeprefix(setting_rules.PREFIX)
        path = settings.ENVIRONMENT.path(name) if name in ("CLOUDS_FILE", "SIGN_IN_FILE") else None
        return self.code in ("set_aside", "file_unusable") and not (path and not setting_rules.unreadable(path))

    def __str__(self) -> str:
        if not self.is_set_aside:
            return english(self.error)
        return f"{self.name} was ignored: {english(self.error)}"


ADDRESS_UNKNOWN = (
    "Links in mails lead to %(address)s, which other machines may not reach, and pages open by that name alone. Set "
    "ALERTADMIN_PUBLIC_URL to the address that users open; further names go into ALERTADMIN_ALLOWED_HOSTS."
)


PROXY_IGNORED = (
    "%(name)s is set for this machine, but alertadmin takes a proxy from ALERTADMIN_HTTPS_PROXY alone. Set that, or "
    "ALERTADMIN_NO_PROXY to * if none is meant."
)


def remarks() -> list[str]:
    """Sentences about what an operator should know although every setting is in force. No secret is in them."""
    environment = settings.ENVIRONMENT
    found = []
    if environment.is_address_unknown:
        found.append(ADDRESS_UNKNOWN % {"address": environment.public_url})
    if name := ignored_proxy():
        found.append(PROXY_IGNORED % {"name": name})
    return found


def ignored_proxy() -> str:
    """The name of the operating system's variable for a proxy, if one is set and alertadmin has none of its own."""
    environment = settings.ENVIRONMENT
    if environment.get("HTTPS_PROXY") or environment.get("NO_PROXY") or environment.sandbox:
        return ""
    given = (name for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy") if environment.values.get(name))
    return next(given, "")


def start_errors() -> list[str]:
    """Sentences about files that the web server or its connections need, for `manage.py check`. `up` refuses to start
    without the first; connections report the others when they need them."""
    environment = settings.ENVIRONMENT
    found = []
    if environment.tls:
        try:
            tls_files.check(*environment.tls)
        except setting_rules.BadEnvironment as error:
            found.append(str(error))
    return found


def bad_settings() -> list[BadSetting]:
    return list(_bad_settings())


def _bad_settings() -> Iterator[BadSetting]:
    if settings.ENVIRONMENT.is_in_clear:
        yield BadSetting("ALERTADMIN_BIND", messages.IN_CLEAR, is_set_aside=False, code="in_clear")
    for name, said in settings.ENVIRONMENT.unknown_names().items():
        yield BadSetting(name, said)
    if error := connections.relay_error():
        yield BadSetting("ALERTADMIN_SMTP_URL", error)
    if error := connections.relay_from_error():
        yield BadSetting("ALERTADMIN_SMTP_FROM", error)
    for error in clouds.file_errors():
        yield BadSetting("ALERTADMIN_CLOUDS_FILE", error)
    if error := provider_registry.load_error():
        yield BadSetting("ALERTADMIN_SIGN_IN_FILE", error)
    yield from _unusable_files()


def _unusable_files() -> Iterator[BadSetting]:
    environment = settings.ENVIRONMENT
    for name in ("KEYS_FILE", "KEYS_TOKEN_FILE", "KEYS_CA_FILE", "HTTPS_PROXY_CA_FILE"):
        path = environment.path(name)
        is_made_at_start = name == "KEYS_FILE" and path is not None and not path.exists()
        why = setting_rules.unreadable(path) if path and not is_made_at_start else ""
        if path and not why and name.endswith("_CA_FILE"):
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
            except (OSError, ValueError):
                why = "has no certificate in PEM format"
        if why:
            said = f"ALERTADMIN_{name}: the file {path} {why}."
            yield BadSetting(f"ALERTADMIN_{name}", said, is_set_aside=False, code="file_unusable")
