"""Entra ID's errors: AADSTS number, OAuth error, HTTP status and text, in the token endpoint's JSON.

Source: Microsoft's "Entra authentication and authorization error codes", and responses quoted in public issue threads.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape

from sandbox.server.html import page
from sandbox.server.http_server import Response

NOT_FOUND_IN_TENANT = (
    "This can happen if the application has not been installed by the administrator of the tenant or consented to by "
    "any user in the tenant. You may have sent your authentication request to the wrong tenant."
)


@dataclass(frozen=True, slots=True)
class ErrorText:
    error: str
    status: int
    text: str


ERRORS: dict[int, ErrorText] = {
    50020: ErrorText(
        "invalid_grant",
        400,
        "User account '{value}' from identity provider 'live.com' does not exist in tenant '{tenant}' and cannot "
        "access the application '{client_id}'({app}) in that tenant. The account needs to be added as an external "
        "user in the tenant first. Sign out and sign in again with a different Azure Active Directory user account.",
    ),
    50011: ErrorText(
        "invalid_request",
        400,
        "The redirect URI '{value}' specified in the request does not match the redirect URIs configured for the "
        "application '{client_id}'. Make sure the redirect URI sent in the request matches one added to your "
        "application in the Azure portal. Navigate to https://aka.ms/redirectUriMismatchError to learn more about how "
        "to fix this.",
    ),
    50027: ErrorText("invalid_request", 400, "JWT token is invalid or malformed."),
    50057: ErrorText("access_denied", 400, "The user account is disabled."),
    50058: ErrorText("login_required", 400, "A silent sign-in request was sent but no user is signed in."),
    50059: ErrorText(
        "invalid_request",
        400,
        "No tenant-identifying information found in either the request or implied by any provided credentials.",
    ),
    50149: ErrorText("invalid_request", 400, "Invalid Code_Challenge_method parameter."),
    50194: ErrorText(
        "invalid_request",
        400,
        "Application '{client_id}'({app}) is not configured as a multi-tenant application. Usage of the /common "
        "endpoint is not supported for such apps created after '10/15/2018'. Use a tenant-specific endpoint or "
        "configure the application to be multi-tenant.",
    ),
    53003: ErrorText(
        "access_denied",
        400,
        "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
    ),
    54005: ErrorText(
        "invalid_grant", 400, "OAuth2 Authorization code was already redeemed, please retry with a new valid code."
    ),
    65001: ErrorText(
        "invalid_grant",
        400,
        "The user or administrator has not consented to use the application with ID '{client_id}' named '{app}'. Send "
        "an interactive authorization request for this user and resource.",
    ),
    65004: ErrorText("authorization_declined", 400, "User declined to consent to access the app."),
    70000: ErrorText(
        "invalid_grant",
        400,
        "The user could not be authenticated as the grant is expired. The user must sign in again.",
    ),
    70002: ErrorText(
        "invalid_client",
        400,
        "The provided client is not supported for this feature. The client application must be marked as 'mobile.'",
    ),
    70003: ErrorText("unsupported_grant_type", 400, "The app requested an unsupported grant type '{value}'."),
    70011: ErrorText(
        "invalid_scope",
        400,
        "The provided request must include a 'scope' input parameter. The provided value for the input parameter "
        "'scope' is not valid. The scope {value} is not valid.",
    ),
    70008: ErrorText(
        "invalid_grant",
        400,
        "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive "
        "authorization request for this user and resource.",
    ),
    70016: ErrorText(
        "authorization_pending", 400, "OAuth 2.0 device flow error. Authorization is pending. Continue polling."
    ),
    70018: ErrorText("bad_verification_code", 400, "Invalid verification code."),
    70019: ErrorText("expired_token", 400, "Verification code expired. Have the user retry the sign-in."),
    70043: ErrorText(
        "invalid_grant",
        400,
        "The refresh token has expired or is invalid due to sign-in frequency checks by conditional access.",
    ),
    28000: ErrorText(
        "invalid_scope",
        400,
        "Provided value for the input parameter scope is not valid because it contains more than one resource. "
        "Scope {value} is not valid.",
    ),
    90002: ErrorText(
        "invalid_request",
        400,
        "Tenant '{value}' not found. Check to make sure you have the correct tenant ID and are signing into the "
        "correct cloud. Check with your subscription administrator, this may happen if there are no active "
        "subscriptions for the tenant.",
    ),
    90033: ErrorText("temporarily_unavailable", 503, "A transient error has occurred. Please try again."),
    90055: ErrorText(
        "temporarily_unavailable",
        429,
        "The server terminated an operation because it encountered a client request rate limit. Please try again.",
    ),
    500112: ErrorText(
        "invalid_client",
        400,
        "The reply address '{value}' does not match the reply address provided when requesting Authorization code.",
    ),
    500011: ErrorText(
        "invalid_resource",
        400,
        "The resource principal named {value} was not found in the tenant named {tenant}. " + NOT_FOUND_IN_TENANT,
    ),
    501481: ErrorText(
        "invalid_grant",
        400,
        "The Code_Verifier does not match the code_challenge supplied in the authorization request.",
    ),
    700016: ErrorText(
        "unauthorized_client",
        400,
        "Application with identifier '{client_id}' was not found in the directory '{tenant}'. " + NOT_FOUND_IN_TENANT,
    ),
    700021: ErrorText(
        "invalid_client",
        401,
        "Client assertion application identifier doesn't match 'client_id' parameter.",
    ),
    700023: ErrorText("invalid_client", 401, "Client assertion audience claim does not match Realm issuer."),
    700024: ErrorText("invalid_client", 401, "Client assertion is not within its valid time range. {value}"),
    700027: ErrorText(
        "invalid_client",
        401,
        "The certificate with identifier used to sign the client assertion is not registered on application. "
        "[Reason - {value}]",
    ),
    700082: ErrorText(
        "invalid_grant",
        400,
        "The refresh token has expired due to inactivity. The token was issued on {value} and was inactive for "
        "90.00:00:00.",
    ),
    900023: ErrorText(
        "invalid_request",
        400,
        "Specified tenant identifier '{value}' is neither a valid DNS name, nor a valid external domain.",
    ),
    900144: ErrorText("invalid_request", 400, "The request body must contain the following parameter: '{value}'."),
    1002012: ErrorText(
        "invalid_scope",
        400,
        "The provided value for scope {value} is not valid. Client credential flows must have a scope value with "
        "/.default suffixed to the resource identifier (application ID URI).",
    ),
    700054: ErrorText("unsupported_response_type", 400, "response_type '{value}' is not enabled for the application."),
    7000112: ErrorText("unauthorized_client", 400, "Application '{client_id}'({app}) is disabled."),
    7000215: ErrorText(
        "invalid_client",
        401,
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, "
        "not the client secret ID, for a secret added to app '{client_id}'.",
    ),
    7000216: ErrorText(
        "invalid_client",
        401,
        "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.",
    ),
    7000222: ErrorText(
        "invalid_client",
        401,
        "The provided client secret keys for app '{client_id}' are expired. Visit the Azure portal to create new keys "
        "for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: "
        "https://aka.ms/certCreds.",
    ),
    7000229: ErrorText(
        "invalid_client",
        401,
        "The client application {client_id} is missing service principal in the tenant {tenant_id}. See instructions "
        "here: https://go.microsoft.com/fwlink/?linkid=2225119",
    ),
    7000218: ErrorText(
        "invalid_client",
        401,
        "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
    ),
    9002313: ErrorText("invalid_request", 400, "Invalid request. Request is malformed or invalid."),
    9002332: ErrorText(
        "invalid_request",
        400,
        "Application '{client_id}'({app}) is configured for use by Azure Active Directory users only. Please do not "
        "use the /consumers endpoint to serve this request.",
    ),
}


@dataclass(frozen=True, slots=True)
class ErrorSubject:
    """Values for an error's text."""

    client_id: str = ""
    app: str = ""
    tenant: str = ""
    tenant_id: str = ""


@dataclass
class EntraRefusal(Exception):
    """An error of Entra. `value`: the invalid value, if the text contains it."""

    code: int
    subject: ErrorSubject = field(default_factory=ErrorSubject)
    value: str = ""

    def response(self, base_url: str, correlation_id: str | None, status: int | None = None) -> Response:
        words = ERRORS.get(self.code) or ErrorText("invalid_request", 400, "An error occurred.")
        return aadsts_response(self.code, words, self.text(words), base_url, correlation_id, status)

    def text(self, words: ErrorText | None = None) -> str:
        words = words or ERRORS[self.code]
        subject = self.subject
        return words.text.format(
            client_id=subject.client_id,
            app=subject.app,
            tenant=subject.tenant,
            tenant_id=subject.tenant_id,
            value=self.value,
        )


def aadsts_response(
    code: int, words: ErrorText, text: str, base_url: str, correlation_id: str | None, status: int | None
) -> Response:
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ}"
    trace, correlation = str(uuid.uuid4()), correlation_id or str(uuid.uuid4())
    body = {
        "error": words.error,
        "error_description": _described(code, text, trace, correlation, now),
        "error_codes": [code],
        "timestamp": now,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": f"{base_url}/error?code={code}",
    }
    return Response.of_json(body, status or words.status, {"x-ms-request-id": trace})


def described(code: int, text: str) -> str:
    """The `error_description` for a redirect to an application."""
    return _described(code, text, str(uuid.uuid4()), str(uuid.uuid4()), f"{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ}")


def _described(code: int, text: str, trace: str, correlation: str, now: str) -> str:
    return f"AADSTS{code}: {text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {now}"


def explanation(code: str) -> Response:
    """The page at `error_uri`."""
    words = ERRORS.get(int(code)) if code.isdigit() else None
    text = words.text if words else "No such error is known here."
    return page(f"AADSTS{code}", f"<p>{escape(text)}</p>", 200 if words else 404)
