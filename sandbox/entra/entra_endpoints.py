"""Microsoft Entra ID: metadata, keys and the token endpoint for applications.

Source: Microsoft identity platform, "OAuth 2.0 client credentials flow" and "OpenID Connect discovery".
"""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import unquote

from sandbox.entra.authorization_code import Authorization
from sandbox.entra.client_assertion import check_assertion
from sandbox.entra.errors import EntraRefusal, ErrorSubject
from sandbox.entra.personal_accounts import GRANTS, NAMES, Consumers
from sandbox.entra.tokens import LIFETIME, TokenRefused, Tokens
from sandbox.faults import Fault, Faults, Service
from sandbox.ledger import Ledger
from sandbox.server.http_server import Request, Response
from sandbox.state.directory import Directory
from sandbox.state.models import (
    CONSUMERS,
    EXCHANGE,
    EXCHANGE_NAMES,
    GRAPH,
    GRAPH_NAMES,
    NATIONAL,
    SandboxApp,
    SandboxTenant,
    resource_of,
)
from sandbox.state.store import UnknownRecord

SHARED = {"common", "organizations", "consumers"}
FAULT_CODES = {429: 90055, 401: 7000215, 400: 90002}
NO_STORE = {
    "Cache-Control": "no-store, no-cache",
    "Pragma": "no-cache",
    "Expires": "-1",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "x-ms-ests-server": "2.1.22000.4 - SANDBOX ProdSlices",
    "x-ms-srs": "1.P",
}


class Entra:
    """The endpoints of the authority."""

    def __init__(
        self,
        base_url: str,
        directory: Directory,
        tokens: Tokens,
        consumers: Consumers,
        authorization: Authorization,
        faults: Faults,
        ledger: Ledger,
    ) -> None:
        self._base_url = base_url
        self._directory = directory
        self._consumers = consumers
        self._authorization = authorization
        self._tokens = tokens
        self._faults = faults
        self._ledger = ledger

    # Metadata

    def discovery(self, name: str, request: Request) -> Response:
        return self._faults.apply(
            "discovery", None, lambda: self._metadata(name, request), lambda fault: self._fault(fault, request)
        )

    def _metadata(self, name: str, request: Request) -> Response:
        cloud = ""
        try:
            if name in SHARED | NAMES:
                tenant_id = _shared_id(name)
            else:
                tenant = self._tenant(name)
                tenant_id, cloud = tenant.directory_id, tenant.national_cloud
        except EntraRefusal as refusal:
            return refusal.response(self._base_url, request.headers.get("client-request-id"))
        issued, base = f"{self._base_url}/{tenant_id}", f"{self._base_url}/{name}"
        return Response.of_json(
            {
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "token_endpoint_auth_methods_supported": [
                    "client_secret_post",
                    "private_key_jwt",
                    "client_secret_basic",
                    "self_signed_tls_client_auth",
                ],
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "response_modes_supported": ["query", "fragment", "form_post"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
                "scopes_supported": ["openid", "profile", "email", "offline_access"],
                "issuer": f"{issued}/v2.0",
                "request_uri_parameter_supported": False,
                "userinfo_endpoint": f"{self._base_url}/graph/oidc/userinfo",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
                "end_session_endpoint": f"{base}/oauth2/v2.0/logout",
                "http_logout_supported": True,
                "frontchannel_logout_supported": True,
                "claims_supported": [
                    *("sub", "iss", "cloud_instance_name", "cloud_instance_host_name", "cloud_graph_host_name"),
                    *("msgraph_host", "aud", "exp", "iat", "auth_time", "acr", "nonce", "preferred_username", "name"),
                    *("tid", "ver", "at_hash", "c_hash", "email"),
                ],
                **NATIONAL[cloud],
            }
        )

    def instance_discovery(self, request: Request) -> Response:
        """Instance discovery, which msal requests for an authority that it does not know."""
        host = self._base_url.removeprefix("https://")
        endpoint = f"{self._base_url}/common/v2.0/.well-known/openid-configuration"
        metadata = [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}]
        return Response.of_json({"tenant_discovery_endpoint": endpoint, "api-version": "1.1", "metadata": metadata})

    def keys(self) -> Response:
        return Response.of_json(self._tokens.jwks())

    def user_info(self, request: Request) -> Response:
        """Graph's userinfo endpoint."""
        try:
            return Response.of_json(self._authorization.user_info(request.headers.get("authorization", "")))
        except (TokenRefused, UnknownRecord) as error:
            refused = {"code": "InvalidAuthenticationToken", "message": str(error)}
            return Response.of_json({"error": refused}, 401, {"WWW-Authenticate": "Bearer"})

    # Tokens

    def token(self, name: str, request: Request) -> Response:
        return self._asked("token", request, lambda: self._issue(name, request.form(), request), tenant=name)

    def device_code(self, name: str, request: Request) -> Response:
        """The device authorization endpoint, only for personal accounts."""

        def begin() -> Response:
            if name not in NAMES:
                raise EntraRefusal(50059)
            return self._consumers.start(request)

        return self._asked("devicecode", request, begin, tenant=name)

    def _asked(self, service: Service, request: Request, work: Callable[[], Response], *, tenant: str) -> Response:
        correlation = request.headers.get("client-request-id")
        response = self._faults.apply(
            service,
            request.form().get("client_id"),
            lambda: self._answer(service, tenant, request, work),
            lambda fault: self._fault(fault, request),
        )
        response.headers = {**NO_STORE, "x-ms-request-id": str(uuid.uuid4()), **response.headers}
        if correlation:
            response.headers["client-request-id"] = correlation
        return response

    def _answer(self, service: Service, name: str, request: Request, work: Callable[[], Response]) -> Response:
        form = request.form()
        facts = {
            "tenant": name,
            "client_id": form.get("client_id"),
            "scope": form.get("scope"),
            "client_request_id": request.headers.get("client-request-id"),
        }
        try:
            response = work()
        except EntraRefusal as refusal:
            self._ledger.append(service, service, **facts, status=0, error_code=refusal.code, accepted=False)
            return refusal.response(self._base_url, request.headers.get("client-request-id"))
        self._ledger.append(service, service, **facts, status=200, error_code=None, accepted=True)
        return response

    def _issue(self, name: str, form: dict[str, str], request: Request) -> Response:
        _read_basic_auth(form, request.headers.get("authorization", ""))
        if name in NAMES and form.get("grant_type") in GRANTS:
            return self._consumers.token(form)
        by_code = form.get("grant_type") == "authorization_code"
        for parameter in ("grant_type", "client_id") if by_code else ("grant_type", "client_id", "scope"):
            if not form.get(parameter):
                raise EntraRefusal(900144, value=parameter)
        if by_code:
            return self._redeem(name, form)
        if form["grant_type"] != "client_credentials":
            raise EntraRefusal(70003, value=form["grant_type"])
        app = self._directory.find_app(form["client_id"])
        if name in SHARED:
            raise _shared_endpoint(name, app)
        tenant = self._tenant(name)
        app, subject = self._installed(form["client_id"], app, tenant)
        by_certificate = self._authenticate(app, subject, tenant, form)
        audience, resource = _resource(form["scope"], subject)
        roles = [
            one for one in self._directory.granted(app.client_id, tenant.directory_id) if resource_of(one) == resource
        ]
        token = self._tokens.issue(app, tenant, audience, roles, by_certificate)
        seconds = LIFETIME - 1
        return Response.of_json(
            {"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token}
        )

    def _redeem(self, name: str, form: dict[str, str]) -> Response:
        """Redeem an authorization code; at a shared endpoint the application authenticates in its home tenant."""
        app = self._directory.find_app(form["client_id"])
        if name in SHARED and app is None:
            raise EntraRefusal(700016, ErrorSubject(form["client_id"], tenant=name))
        tenant = self._directory.tenant(app.tenant_id) if name in SHARED and app else self._tenant(name)
        subject = ErrorSubject(form["client_id"], app.name if app else "", tenant.name, tenant.directory_id)
        if app is None or (app.tenant_id != tenant.directory_id and not app.multi_tenant):
            raise EntraRefusal(700016, subject)
        if not form.get("client_secret") and not form.get("client_assertion"):
            raise EntraRefusal(7000218, subject)
        self._authenticate(app, subject, tenant, form)
        return self._authorization.redeem(app, form, subject)

    def _installed(
        self, client_id: str, app: SandboxApp | None, tenant: SandboxTenant
    ) -> tuple[SandboxApp, ErrorSubject]:
        subject = ErrorSubject(client_id, app.name if app else "", tenant.name, tenant.directory_id)
        if app is None or (app.tenant_id != tenant.directory_id and not app.multi_tenant):
            raise EntraRefusal(700016, subject)
        if not self._directory.installed(app, tenant):
            raise EntraRefusal(7000229, subject)
        if app.disabled:
            raise EntraRefusal(7000112, subject)
        return app, subject

    def _authenticate(
        self, app: SandboxApp, subject: ErrorSubject, tenant: SandboxTenant, form: dict[str, str]
    ) -> bool:
        """Authenticate the app; True if by certificate. Raises EntraRefusal."""
        if assertion := form.get("client_assertion"):
            audiences = [
                f"{self._base_url}/{name}/{path}"
                for name in (tenant.directory_id, tenant.domain)
                for path in ("oauth2/v2.0/token", "v2.0", "oauth2/token")
            ]
            check_assertion(assertion, self._directory.certificates(app), audiences, subject)
            return True
        if not (value := form.get("client_secret")):
            raise EntraRefusal(7000216, subject)
        secret = self._directory.matching_secret(app, value)
        now = datetime.now(UTC)
        if secret is None or secret.starts_at > now:
            raise EntraRefusal(7000215, subject)
        if not secret.valid_at(now):
            raise EntraRefusal(7000222, subject)
        return False

    def _tenant(self, name: str) -> SandboxTenant:
        tenant = self._directory.find_tenant(name)
        if tenant is None:
            raise EntraRefusal(90002 if _is_uuid(name) or "." in name else 900023, value=name)
        return tenant

    def _fault(self, fault: Fault, request: Request) -> Response:
        code = int(fault.code) if fault.code else FAULT_CODES.get(fault.status or 500, 90033)
        return EntraRefusal(code).response(self._base_url, request.headers.get("client-request-id"), fault.status)


def _shared_id(name: str) -> str:
    return CONSUMERS if name in NAMES else "{tenantid}"


def _read_basic_auth(form: dict[str, str], authorization: str) -> None:
    """Read client_secret_basic into the form. Both halves are form-encoded before base64 (RFC 6749, 2.3.1)."""
    kind, _, encoded = authorization.partition(" ")
    if kind.lower() != "basic":
        return
    try:
        client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return
    form.setdefault("client_id", unquote(client_id))
    form.setdefault("client_secret", unquote(secret))


def _shared_endpoint(name: str, app: SandboxApp | None) -> EntraRefusal:
    """The error of a shared endpoint: an app without a user must name its tenant."""
    if app is None:
        return EntraRefusal(50059)
    subject = ErrorSubject(app.client_id, app.name)
    if name == "consumers":
        return EntraRefusal(9002332, subject)
    return EntraRefusal(50059 if app.multi_tenant else 50194, subject)


def _resource(scope: str, subject: ErrorSubject) -> tuple[str, str]:
    """The token's audience (the resource as named in the scope) and the resource that it denotes."""
    scopes = [one for one in scope.split() if one not in ("openid", "profile", "offline_access")]
    if len(scopes) > 1:
        raise EntraRefusal(28000 if all(one.endswith("/.default") for one in scopes) else 70011, subject, scope)
    if not scopes:
        raise EntraRefusal(70011, subject, scope)
    if not scopes[0].endswith("/.default"):
        raise EntraRefusal(1002012, subject, scope)
    named = scopes[0].removesuffix("/.default")
    if named.rstrip("/") in EXCHANGE_NAMES:
        return named, EXCHANGE
    if named.rstrip("/") in GRAPH_NAMES:
        return named, GRAPH
    raise EntraRefusal(500011, subject, named)


def _is_uuid(name: str) -> bool:
    try:
        uuid.UUID(name)
    except ValueError:
        return False
    return True
