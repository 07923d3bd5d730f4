"""Personal Microsoft accounts at the authority `consumers`: sign-in by device code, and refresh tokens.

Source: Microsoft identity platform, "OAuth 2.0 device authorization grant" and "Refresh tokens"; RFC 8628; responses of
`consumers` quoted in public issue threads. As there, access tokens are opaque, and a used refresh token stays valid
beside the new one.
"""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sandbox.entra.errors import EntraRefusal, ErrorSubject
from sandbox.entra.tokens import LIFETIME, Tokens
from sandbox.server.http_server import Request, Response
from sandbox.state.directory import Directory
from sandbox.state.models import (
    CONSUMERS,
    EXCHANGE_NAMES,
    GRAPH,
    GRAPH_NAMES,
    SandboxApp,
    SandboxMailbox,
    SandboxSignIn,
)

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
GRANTS = frozenset({DEVICE_CODE, "device_code", "refresh_token"})
NAMES = frozenset({"consumers", CONSUMERS})
IDENTITY_SCOPES = frozenset({"openid", "profile", "email", "offline_access"})
MAIL_SCOPES = {
    "Mail.Send": GRAPH,
    "Mail.ReadWrite": GRAPH,
    "User.Read": GRAPH,
    "SMTP.Send": "https://outlook.office.com",
}
CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
CODE_SECONDS = 900
INTERVAL = 5
REFRESH_TOKEN_LIFETIME = timedelta(days=90)


@dataclass(slots=True)
class PendingDeviceCode:
    """A pending sign-in. `decision` is None until the person accepts or declines; `ends` is Unix time."""

    app: SandboxApp
    scope: str
    user_code: str
    ends: float
    decision: str | None = None
    account: SandboxMailbox | None = None
    is_used: bool = False


@dataclass(slots=True)
class DeviceRequest:
    """A parsed scope: the resource as named, its permissions, and `others`, the scopes for a refresh token and an ID
    token."""

    resource: str
    permissions: list[str]
    others: frozenset[str] = field(default_factory=frozenset)

    @property
    def named(self) -> list[str]:
        return [f"{self.resource}/{permission}" for permission in self.permissions]


class Consumers:
    """The endpoints of the authority `consumers`."""

    def __init__(self, base_url: str, directory: Directory, tokens: Tokens) -> None:
        self._base_url = base_url
        self._directory = directory
        self._tokens = tokens
        self._codes: dict[str, PendingDeviceCode] = {}
        self._lock = threading.Lock()

    # The device's side

    def start(self, request: Request) -> Response:
        """`POST /consumers/oauth2/v2.0/devicecode`. Raises EntraRefusal."""
        form = request.form()
        app = self._app(form)
        subject = ErrorSubject(app.client_id, app.name)
        if not app.public_client:
            raise EntraRefusal(70002, subject)
        _asked(form.get("scope", ""), subject)
        device_code = secrets.token_urlsafe(96)
        user_code = "".join(secrets.choice(CODE_LETTERS) for _ in range(8))
        with self._lock:
            self._codes[device_code] = PendingDeviceCode(
                app, form.get("scope", ""), user_code, time.time() + CODE_SECONDS
            )
        page = f"{self._base_url}/link"
        return Response.of_json(
            {
                "user_code": user_code,
                "device_code": device_code,
                "verification_uri": page,
                "expires_in": CODE_SECONDS,
                "interval": INTERVAL,
                "message": f"To sign in, use a web browser to open the page {page} and enter the code {user_code} "
                "to authenticate.",
            }
        )

    def token(self, form: dict[str, str]) -> Response:
        """The token endpoint for device codes and refresh tokens. Raises EntraRefusal."""
        app = self._app(form)
        if form["grant_type"] == "refresh_token":
            return self._refresh(app, form)
        return self._poll(app, form)

    def expire_codes(self) -> None:
        """Let all codes expire now."""
        with self._lock:
            for one in self._codes.values():
                one.ends = 0

    # The person's side

    def waiting(self, user_code: str) -> PendingDeviceCode | None:
        """The pending sign-in for a code that can still be entered."""
        wanted = user_code.replace("-", "").replace(" ", "").upper()
        with self._lock:
            open_ones = (one for one in self._codes.values() if one.decision is None and one.ends > time.time())
            return next((one for one in open_ones if one.user_code == wanted), None)

    def decide(self, code: PendingDeviceCode, account: SandboxMailbox, decision: str) -> None:
        code.account, code.decision = account, decision

    # Tokens

    def _poll(self, app: SandboxApp, form: dict[str, str]) -> Response:
        with self._lock:
            code = self._codes.get(form.get("device_code", ""))
            if code is None or code.app.client_id != app.client_id:
                raise EntraRefusal(70018)
            if code.is_used:
                raise EntraRefusal(54005)
            if code.ends <= time.time():
                raise EntraRefusal(70019)
            if code.decision is None:
                raise EntraRefusal(70016)
            if code.decision != "accept" or code.account is None:
                raise EntraRefusal(65004)
            code.is_used = True
        asked = _asked(code.scope, ErrorSubject(app.client_id, app.name))
        return self._issue(app, code.account, asked, asked)

    def _refresh(self, app: SandboxApp, form: dict[str, str]) -> Response:
        if not form.get("refresh_token"):
            raise EntraRefusal(900144, value="refresh_token")
        subject = ErrorSubject(app.client_id, app.name)
        sign_in = self._directory.find_sign_in(form["refresh_token"])
        if sign_in is None or sign_in.client_id != app.client_id or sign_in.is_revoked:
            raise EntraRefusal(70000, subject)
        if datetime.now(UTC) - sign_in.issued_at >= REFRESH_TOKEN_LIFETIME:
            raise EntraRefusal(700082, subject, f"{sign_in.issued_at:%Y-%m-%dT%H:%M:%S.0000000Z}")
        account = self._directory.find_mailbox(sign_in.address, CONSUMERS)
        if account is None:
            raise EntraRefusal(70000, subject)
        consented = _asked(sign_in.scope, subject)
        asked = _asked(form.get("scope") or sign_in.scope, subject)
        if not set(asked.named) <= set(consented.named):
            raise EntraRefusal(65001, subject)
        return self._issue(app, account, asked, consented)

    def _issue(
        self, app: SandboxApp, account: SandboxMailbox, asked: DeviceRequest, consented: DeviceRequest
    ) -> Response:
        token = self._tokens.issue_for_person(app, account, asked.resource, asked.permissions)
        answer: dict[str, object] = {
            "token_type": "Bearer",
            "scope": " ".join(asked.named),
            "expires_in": LIFETIME,
            "ext_expires_in": LIFETIME,
            "access_token": token,
        }
        if "offline_access" in asked.others:
            value = f"M.C512_SBX.0.U.-{secrets.token_urlsafe(180).replace('_', '!')}"
            scope = " ".join([*consented.named, *sorted(consented.others)])
            self._directory.add_sign_in(value, SandboxSignIn(app.client_id, account.address, scope, datetime.now(UTC)))
            answer["refresh_token"] = value
        if "openid" in asked.others:
            answer["id_token"] = self._tokens.identify(app, account, f"{self._base_url}/{CONSUMERS}/v2.0")
        return Response.of_json(answer)

    def _app(self, form: dict[str, str]) -> SandboxApp:
        if not form.get("client_id"):
            raise EntraRefusal(900144, value="client_id")
        app = self._directory.find_app(form["client_id"])
        if app is None or app.disabled:
            raise EntraRefusal(700016, ErrorSubject(form["client_id"], tenant="Microsoft Accounts"))
        if not app.personal_accounts:
            raise EntraRefusal(9002332, ErrorSubject(app.client_id, app.name))
        return app


def _asked(scope: str, subject: ErrorSubject) -> DeviceRequest:
    """Parse a scope: one resource and its permissions. Raises EntraRefusal."""
    wanted = scope.split()
    others = frozenset(wanted) & IDENTITY_SCOPES
    resources: set[str] = set()
    permissions: list[str] = []
    for one in wanted:
        if one in others:
            continue
        resource, _, permission = one.rpartition("/")
        known = MAIL_SCOPES.get(permission)
        names = GRAPH_NAMES if known == GRAPH else EXCHANGE_NAMES
        if known is None or (resource or GRAPH).rstrip("/") not in names:
            raise EntraRefusal(70011, subject, one)
        resources.add((resource or GRAPH).rstrip("/"))
        permissions.append(permission)
    if not permissions:
        raise EntraRefusal(900144, subject, "scope") if not wanted else EntraRefusal(70011, subject, scope)
    if len(resources) > 1:
        raise EntraRefusal(28000, subject, scope)
    return DeviceRequest(resources.pop(), permissions, others)
