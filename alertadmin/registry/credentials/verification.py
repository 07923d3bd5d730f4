"""Verification of a credential: requests a token from Entra with an empty token cache."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic

from alertadmin.registry.clouds import UnknownCloud
from alertadmin.registry.credentials.app_identity import SecretUnavailable, identity_of, scope_of
from alertadmin.registry.models import Credential
from alertadmin.registry.permissions import RESOURCE_OF, Permission
from mailer import tokens
from mailer.coded_text import message_of
from mailer.errors import SendError


@dataclass(frozen=True)
class Verification:
    """Whether a credential got a token just now. `steps`: `{"step", "ms", "detail"}` for each completed step."""

    ok: bool
    cause: str = ""
    technical: str = ""
    steps: list[dict[str, object]] = field(default_factory=list)
    roles: tuple[str, ...] = ()


def verify_credential(credential: Credential, *, now: datetime) -> Verification:
    """Get a token with this credential in its app's home tenant. On success `proven_at` is set."""
    app = credential.app
    steps: list[dict[str, object]] = []
    begun = monotonic()

    def on_step(step: str, detail: str) -> None:
        steps.append({"step": step, "ms": round((monotonic() - begun) * 1000), "detail": detail})

    permission = next(iter(app.required_permissions), Permission.MAIL_SEND)
    try:
        app_identity = identity_of(credential, app.tenant)
        scope = scope_of(RESOURCE_OF[permission], app_identity.cloud)
        token = tokens.acquire(app_identity, scope, on_step=on_step)
    except (SecretUnavailable, UnknownCloud) as error:
        return Verification(False, "", message_of(error), steps)
    except SendError as failure:
        return Verification(False, failure.cause, failure.technical, steps)
    Credential.objects.filter(pk=credential.pk).update(proven_at=now)
    return Verification(True, steps=steps, roles=token.roles)
