"""Settings that cannot be used and are ignored; the rest of the program works without them.

An invalid setting that is read at startup (alertadmin.environment) prevents the start instead, with a message: then an
operator is present. These are read while the program runs, so an error in one of them must affect nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings

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

    def __str__(self) -> str:
        if not self.is_set_aside:
            return english(self.error)
        return f"{self.name} was ignored: {english(self.error)}"


def bad_settings() -> list[BadSetting]:
    return list(_found())


def _found() -> Iterator[BadSetting]:
    if settings.ENVIRONMENT.is_in_clear:
        yield BadSetting("ALERTADMIN_BIND", messages.IN_CLEAR, is_set_aside=False)
    if error := connections.relay_error():
        yield BadSetting("ALERTADMIN_SMTP_URL", error)
    if error := connections.relay_from_error():
        yield BadSetting("ALERTADMIN_SMTP_FROM", error)
    for error in clouds.file_errors():
        yield BadSetting("ALERTADMIN_CLOUDS_FILE", error)
    if error := provider_registry.load_error():
        yield BadSetting("ALERTADMIN_SIGN_IN_FILE", error)
