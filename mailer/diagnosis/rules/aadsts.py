"""Entra's error numbers (AADSTS…), which the token endpoint returns as `error_codes` and in every message.

Source unless noted: Microsoft, "Microsoft Entra authentication and authorization error codes"
(learn.microsoft.com/entra/identity-platform/reference-error-codes). Microsoft warns that the texts may change; numbers
may too, but all programs print them. Look up a number at login.microsoftonline.com/error?code=N.
"""

from __future__ import annotations

from typing import Final

# A row: cause, then number -> what Microsoft says of it.
_ROWS: Final[tuple[tuple[str, dict[int, str]], ...]] = (
    (
        "secret_wrong",
        {
            7000215: "invalid client secret provided",
            50012: "authentication failed (its older text: invalid client secret is provided)",
            7000218: "the request body must contain client_assertion or client_secret",
            7000216: "client_assertion, client_secret or request is required for client_credentials",
            700025: "client is public, neither client_assertion nor client_secret should be presented",
            70002: "error validating the credentials (old, a family)",
        },
    ),
    ("secret_expired", {7000222: "the provided client secret keys are expired"}),
    (
        "certificate_wrong",
        {
            700027: "client assertion contains an invalid signature (key not found)",
            700021: "client assertion application identifier does not match client_id",
            700023: "client assertion audience does not match the realm issuer",
            700024: "client assertion is not within its valid time range (clock)",
            700030: "invalid certificate: subject name is not authorized",
            50013: "assertion is invalid",
            50017: "validation of the certificate failed",
            500133: "the assertion is not within its valid time range",
            5002730: "invalid JWT token: unsupported key for the signing algorithm",
            50027: "invalid JWT token: no certificate thumbprint in its header",
            700211: "no matching federated identity record for the issuer",
            700212: "no matching federated identity record for the audience",
            700213: "no matching federated identity record for the subject",
        },
    ),
    ("certificate_expired", {1000502: "the provided certificate is not within its specified validity window"}),
    (
        "app_not_found",
        {
            700016: "application was not found in the directory",
            700011: "UnauthorizedClientAppNotFoundInOrgIdTenant",
            700038: "the application identifier is not a valid GUID",
        },
    ),
    (
        "app_disabled",
        {
            7000112: "UnauthorizedClientApplicationDisabled",
            70001: "the application is disabled (its older text: not found, see prose)",
        },
    ),
    (
        "tenant_not_found",
        {
            90002: "InvalidTenantName: the tenant was not found in the data store",
            900023: "specified tenant identifier is neither a valid DNS name nor a valid external domain",
            900021: "requested tenant identifier is not valid",
        },
    ),
    (
        "wrong_cloud",
        {
            90043: "as 900382, older (github.com/hkamel/sonar-auth-aad/issues/34)",
            90038: "NationalCloudAuthCodeRedirection: the tenant is in a national cloud",
            900382: "confidential client is not supported in cross cloud request",
            900432: "confidential client is not supported in cross cloud request",
            900439: "USGClientNotSupportedOnPublicEndpoint",
        },
    ),
    (
        "tenant_ambiguous",
        {
            50059: "no tenant-identifying information found",
            50128: "invalid domain name: no tenant-identifying information found",
            50194: "application is not configured as multi-tenant; /common is not supported",
            9001023: "the grant type is not supported over /common or /consumers",
            90019: "MissingTenantRealm: the tenant could not be determined from the request",
            90124: "resource is not supported over /common or /consumers",
            90130: "application is not supported over /common or /consumers",
            90133: "device code flow is not supported over /common",
        },
    ),
    (
        "consent_missing",
        {
            65001: "DelegationDoesNotExist: no user or administrator has consented",
            65004: "UserDeclinedConsent",
            90094: "admin consent is required",
            90099: "the application was not authorized in the tenant",
            90093: "calling principal cannot consent due to lack of permissions",
            900941: "administrator consent is required; the app is considered risky",
            90095: "admin consent is required, with a request to the administrator",
            90097: "an error has occurred during admin consent processing",
            90008: "the app requires access to Windows Azure Active Directory",
            7000229: "the client application is missing service principal in the tenant",
        },
    ),
    (
        "role_missing",
        {
            501051: "application is not assigned to a role of the resource",
            50105: "the signed in user is not assigned to a role for the application",
            650056: "misconfigured application: no permissions listed, or no consent",
            650057: "invalid resource: not listed in the requested permissions of the registration",
            65005: "the app's required resource access does not list the resource",
            65006: "the app's required resource access names a permission that the resource does not have",
        },
    ),
    (
        "conditional_access",
        {
            53000: "DeviceNotCompliant",
            53001: "DeviceNotDomainJoined",
            53002: "ApplicationUsedIsNotAnApprovedApp",
            53003: "BlockedByConditionalAccess",
            53004: "ProofUpBlockedDueToRisk",
            53009: "application needs to enforce Intune protection policies",
            53011: "user blocked due to risk on home tenant",
            530021: "the application is not approved for Conditional Access",
            530003: "your device is required to be managed",
            530032: "BlockedByConditionalAccessOnSecurityPolicy",
            530034: "a delegated administrator was blocked by conditional access",
            530035: "access has been blocked by security defaults",
            50005: "the user signed in from a platform that conditional access does not support",
            50097: "device authentication is required",
            50129: "DeviceIsNotWorkplaceJoined",
            50131: "blocked by conditional access (unusual request)",
            50158: "external security challenge not satisfied",
            700003: "device object was not found in the tenant",
        },
    ),
    (
        "exchange_missing",
        {
            500011: "InvalidResourceServicePrincipalNotFound",
            500014: "the service principal for the resource is disabled: a subscription has lapsed",
            50001: "InvalidResource: disabled or does not exist",
            650052: "the organization has not subscribed to, or not enabled, the service",
        },
    ),
    (
        "throttled",
        {
            90055: "TooManyRequests",
            900429: "too many requests",
            50196: "LoopDetected: too many requests of the same kind",
        },
    ),
    (
        "redirect_mismatch",
        {
            70004: "InvalidRedirectUri",
            50011: "the redirect URI does not match those configured",
            500112: "the reply address does not match",
            500113: "no reply address is registered",
            500117: "the reply URI is not valid",
            900971: "no reply address provided",
            9002325: "proof key for code exchange is required for cross-origin redemption",
            9002326: "cross-origin token redemption is only for single-page applications",
            9002327: "tokens of a single-page application only by cross-origin requests",
        },
    ),
    (
        "scope_invalid",
        {
            1002012: "the scope of client credentials must end in /.default (support threads)",
            70011: "InvalidScope",
            28002: "the scope is not valid",
            700022: "the scope names more than one resource",
            901002: "the parameter resource is not supported (v2.0 takes scope)",
            28003: "the scope cannot be empty",
            650053: "the application asked for a scope that does not exist on the resource",
            90009: "the application requests a token for itself by its app id URI",
        },
    ),
    (
        "transient",
        {
            90033: "MsodsServiceUnavailable",
            90090: "GraphRetryableError",
            50033: "RetryableError",
            50000: "TokenIssuanceError",
            90006: "ExternalServerRetryableError",
            70012: "MsaServerError: server error for a personal account",
            80001: "the directory on premises is not available",
            80002: "the directory on premises did not answer in time",
            80005: "unpredictable answer of the directory on premises",
            90024: "RequestBudgetExceededError",
            90025: "request processing has exceeded the gateway allowance",
        },
    ),
    ("tls", {1002016: "TLS 1.0, 1.1 or 3DES is used, which are deprecated"}),
    (
        "account_personal_unsupported",
        {
            9002332: "configured for Microsoft Entra users only, do not use /consumers",
            9002331: "configured for Microsoft account users only, use /consumers",
            500200: "user account is a personal Microsoft account, not supported for this application",
            500207: "the account type cannot be used for the resource",
            500208: "the domain is not a valid login domain for the account type",
            90027: "tokens of this API version are not issued for personal accounts",
        },
    ),
    (
        "user_sign_in_needed",
        {
            50126: "invalid user name or password",
            50034: "the user account does not exist in the directory",
            51004: "the user account does not exist in the directory",
            50020: "the user account of an identity provider does not exist in the tenant",
            90072: "PassThroughUserMfaError: external account does not exist in the tenant",
            50053: "account is locked, or sign-in was blocked from a malicious address",
            50055: "the password is expired",
            50056: "invalid or null password",
            50057: "the user account is disabled",
            16000: "interaction required: the account is not in the tenant",
            50014: "guest user whose account is pending",
            50064: "credential validation failed",
            50120: "unknown credential type",
            50143: "session mismatch: the user and tenant do not match",
            50199: "confirmation by the user is required",
            53010: "methods for multi-factor authentication must be confirmed",
            700020: "interaction required: consent or sign-in",
            80007: "the agent on premises could not validate the password",
            80012: "the user signed in outside the allowed hours",
            50058: "silent sign-in, but no user is signed in",
            50072: "enrolment for multi-factor authentication required",
            50074: "strong authentication is required",
            50076: "multi-factor authentication required",
            50078: "multi-factor authentication has expired",
            50079: "enrolment for multi-factor authentication required",
            50085: "the refresh token needs a social login",
            50089: "the flow token is expired",
            50125: "sign-in was interrupted by a password reset",
            50132: "credentials revoked",
            50133: "session is invalid, password expired or changed",
            50135: "password change is required",
            50140: "keep me signed in interrupt",
            50144: "the Active Directory password is expired",
            50173: "the grant is expired: revoked, a fresh token is needed",
            500121: "strong authentication failed",
            54005: "the authorization code was already redeemed",
            70000: "the grant is invalid or expired",
            70008: "the code or refresh token is expired",
            70016: "authorization is pending",
            70018: "the user's code has expired",
            70019: "verification code expired",
            70043: "the refresh token has expired (sign-in frequency)",
            70044: "the session has expired (sign-in frequency)",
            700081: "the refresh token has expired due to maximum lifetime",
            700082: "the refresh token has expired due to inactivity",
            700084: "the refresh token was issued to a single-page app and is over",
        },
    ),
)

AADSTS: Final[dict[int, str]] = {code: slug for slug, codes in _ROWS for code in codes}
"""Number -> slug."""

FAMILIES: Final = frozenset({50012, 70002, 70001, 50013, 50001, 70000, 50059})
"""Numbers with more than one cause: any other known number in the same text has precedence."""

ERROR_WORDS: Final[dict[str, str]] = {
    # RFC 6749 5.2 and 4.1.2.1, OpenID Connect Core 3.1.2.6, RFC 8628 3.5; Entra's `suberror` values.
    "invalid_client": "secret_wrong",
    "unauthorized_client": "app_not_found",
    "invalid_scope": "scope_invalid",
    "invalid_resource": "exchange_missing",
    "consent_required": "consent_missing",
    "access_denied": "consent_missing",
    "permission_denied": "consent_missing",
    "interaction_required": "user_sign_in_needed",
    "login_required": "user_sign_in_needed",
    "invalid_grant": "user_sign_in_needed",
    "basic_action": "user_sign_in_needed",
    "additional_action": "user_sign_in_needed",
    "user_password_expired": "user_sign_in_needed",
    "bad_token": "user_sign_in_needed",
    "token_expired": "user_sign_in_needed",
    "protection_policy_required": "conditional_access",
    "message_only": "conditional_access",
    "authorization_pending": "user_sign_in_needed",
    "expired_token": "user_sign_in_needed",
    "temporarily_unavailable": "transient",
    "server_error": "transient",
    "slow_down": "throttled",
}
"""OAuth's `error` or Entra's `suberror` -> slug, for answers without a known number."""
