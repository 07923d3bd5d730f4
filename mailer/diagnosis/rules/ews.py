"""EWS response codes (Outlook's part of Graph uses the same names), exchangelib's exceptions for them, and the
`x-ms-diagnostics` header of a refused token.

Sources: Microsoft, "ResponseCode" (learn.microsoft.com/exchange/client-developer/web-service-reference/responsecode),
"EWS throttling in Exchange", "How to control access to EWS in Exchange"; MS-OXWSXDIAG-like headers as seen in
ecederstrand/exchangelib#1321 and other public threads.
"""

from __future__ import annotations

from typing import Final

from mailer.diagnosis.rules.rule import Rank, Rule, rules

_CODES = "learn.microsoft.com/exchange/client-developer/web-service-reference/responsecode"
_ACCESS = "learn.microsoft.com/exchange/client-developer/exchange-web-services/how-to-control-access-to-ews-in-exchange"
_THREADS = "github.com/ecederstrand/exchangelib/issues and learn.microsoft.com/answers"


def _codes(slug: str, rank: Rank, *names: str) -> tuple[Rule, ...]:
    return rules(slug, rank, _CODES, *(rf"\b{name.lower()}\b" for name in names))


_EWS_ENDPOINT = r"(?:exchange\.asmx|/ews/|\bews\b|exchangeservice|exchange\.?webservices|exchange web services?)"
"""How texts name EWS: by its URL, its name, or the namespaces of Microsoft's client libraries."""

_BEFORE = ("http", r"http/\d", r"http/\d\.\d", "status", "code", "error")


def _status(code: int, words: str) -> str:
    """The pattern for a status (not any number): "(403)", "403 Forbidden", "HTTP/1.1 403", "Status code: 403".

    It begins with the digits and uses lookbehinds, so that it is tried only at digits and not at each letter.
    """
    named = "|".join(
        rf"(?<=[pser\d]{gap}{code})(?:{'|'.join(f'(?<={word}{gap}{code})' for word in _BEFORE)})"
        for gap in (rf"[ :='\"]{{{many}}}" for many in range(1, 5))
    )
    return rf"{code}(?:(?<=\({code})\)|(?<!\d{code}):? \(?(?:{words})|(?:{named})\b)"


_FORBIDDEN = _status(403, "forbidden|interdit|verboten|unzulassig")
_UNAUTHORIZED = _status(401, "unauthorized|non autorise|nicht autorisiert")

EWS: Final[tuple[Rule, ...]] = (
    *_codes("send_as_denied", Rank.CODE, "ErrorSendAsDenied", "ErrorSendOnBehalfDenied"),
    *_codes(
        "mailbox_not_found",
        Rank.CODE,
        "ErrorNonExistentMailbox",
        "ErrorNonPrimarySmtpAddress",
        "ErrorMissingEmailAddress",
        "ErrorMailboxNotFound",
        "ErrorNoMailbox",
        "ErrorInvalidLicense",
        "ErrorAddressSpaceNotFound",
    ),
    *_codes(
        "mailbox_access_denied",
        Rank.CODE,
        "ErrorImpersonateUserDenied",
        "ErrorImpersonationDenied",
        "ErrorImpersonationFailed",
        "ErrorNotDelegate",
        "ErrorInvalidExchangeImpersonationHeaderData",
        "ErrorMailboxScopeNotAllowed",
    ),
    *_codes("mailbox_access_denied", Rank.CODE, "ErrorImpersonationRequired"),
    *_codes("mailbox_access_denied", Rank.GENERIC, "ErrorAccessDenied", "ErrorCreateItemAccessDenied", "AccessDenied"),
    *_codes(
        "throttled",
        Rank.CODE,
        "ErrorServerBusy",
        "ErrorExceededConnectionCount",
        "ErrorExceededSubscriptionCount",
        "ErrorExceededFindCountLimit",
        "ErrorTooManyObjectsOpened",
        "RateLimitError",
        "BackOffMilliseconds",
    ),
    *_codes("message_too_large", Rank.CODE, "ErrorMessageSizeExceeded", "ErrorAttachmentSizeLimitExceeded"),
    *_codes("sending_limit", Rank.CODE, "ErrorQuotaExceeded", "ErrorTooManyRecipients", "ErrorRecipientLimitExceeded"),
    *_codes(
        "recipient_rejected",
        Rank.CODE,
        "ErrorInvalidRecipients",
        "ErrorMailRecipientNotFound",
        "ErrorInvalidSmtpAddress",
        "ErrorRecipientNotFound",
        "ErrorNameResolutionNoResults",
        "ErrorNameResolutionNoMailbox",
        "ErrorMissingRecipients",
        "ErrorInvalidRecipient",
    ),
    *_codes("token_rejected", Rank.CODE, "ErrorInvalidAuthorizationContext", "ErrorTokenSerializationDenied"),
    *_codes("mailbox_access_denied", Rank.CODE, "ErrorAccountDisabled"),
    *_codes("user_sign_in_needed", Rank.CODE, "ErrorPasswordExpired", "ErrorPasswordChangeRequired"),
    *_codes("network", Rank.GENERIC, "ErrorAutoDiscoverFailed", "ErrorClientDisconnected"),
    *_codes(
        "transient",
        Rank.GENERIC,
        "ErrorInternalServerError",
        "ErrorInternalServerTransientError",
        "ErrorMailboxStoreUnavailable",
        "ErrorInsufficientResources",
        "ErrorNotEnoughMemory",
        "ErrorProxyRequestProcessingFailed",
        "ErrorServiceDiscoveryFailed",
        "ErrorProxyServiceDiscoveryFailed",
        "ErrorExchangeConfigurationException",
        "ErrorMailboxMoveInProgress",
        "ErrorMailboxFailover",
        "ErrorADUnavailable",
        "ErrorADOperation",
        "ErrorConnectionFailed",
        "ErrorConnectionFailedTransientError",
        "ErrorNoRespondingCASInDestinationSite",
        "ErrorTimeoutExpired",
        "ErrorMessageTransientError",
        "ErrorOperationTimedOut",
    ),
    # Errors about the token, before the server reads the SOAP request.
    *rules(
        "role_missing",
        Rank.REFINED,
        "ecederstrand/exchangelib#1321",
        "2000008 ?; ?reason",
        "token contains not enough scope",
        "not enough scope to make this call",
    ),
    *rules(
        "mailbox_not_found",
        Rank.REFINED,
        _THREADS,
        'error_category ?= ?"?invalid_user',
        "user specified by the user-context in the token",
    ),
    *rules(
        "token_rejected",
        Rank.REFINED,
        _THREADS,
        'error_category ?= ?"?invalid_(?:token|signature|lifetime|resource|issuer|grant|appid)',
        'error_category ?= ?"?(?:token_expired|oauth_not)',
        "audience claim value",
        r"(?:user ?name or password|credentials) for https://\S{1,80}exchange\.asmx",
        r"2000(?:00|01|02|03|04|05|06|07|09|10)\d? ?; ?reason",
    ),
    *rules("exchange_missing", Rank.REFINED, _THREADS, 'error_category ?= ?"?invalid_tenant'),
    # Blocked by a setting of the tenant or the mailbox: a bare 403 in any form.
    *rules(
        "ews_blocked",
        Rank.WORDING,
        _ACCESS,
        r"unknown failure in response\. code: 403",
        _EWS_ENDPOINT + r".{0,200}" + _FORBIDDEN,
        _FORBIDDEN + r".{0,200}" + _EWS_ENDPOINT,
        r"(?:\bews\b|exchange web services?)[^.]{0,60}(?:is|was|been|are) (?:disabled|blocked|turned off|retired)",
        r"(?:\bews\b|exchange web services?)[^.]{0,40}(?:desactive|bloque)",
        r"(?:\bews\b|exchange web services?|exchange-webdienste)[^.]{0,40}(?:deaktiviert|blockiert|gesperrt)",
        "ewsallowedappids",
        "ewsapplicationaccesspolicy ?[:=]? ?(?:enforce|'enforce)",
        r"ewsenabled ?[:=]? ?\$?false",
        r"the request failed\. the remote server returned an error: \(403\)",
    ),
    *rules(
        "token_rejected",
        Rank.COMPOSED,
        _THREADS,
        _EWS_ENDPOINT + r".{0,200}" + _UNAUTHORIZED,
        _UNAUTHORIZED + r".{0,200}" + _EWS_ENDPOINT,
        _EWS_ENDPOINT + r".{0,200}unauthorized|the request failed\. unauthorized",
        r"unknown failure in response\. code: 401",
        r"the request failed\. the remote server returned an error: \(401\)",
        r"invalid credentials for https://",
        r"\bunauthorizederror\b",
    ),
)
