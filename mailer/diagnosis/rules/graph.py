"""Graph's error codes: the `code` (and innermost `code`) of `{"error": {"code": …, "message": …}}`.

Sources: Microsoft, "Microsoft Graph error responses and resource types" (learn.microsoft.com/graph/errors), "Resolve
Microsoft Graph authorization errors", "Microsoft Graph throttling guidance". Outlook's own codes have the names of EWS
(see `ews`).
"""

from __future__ import annotations

from typing import Final

from mailer.diagnosis.rules.rule import Rank, Rule, rules

_ERRORS = "learn.microsoft.com/graph/errors"
_AUTHORIZATION = "learn.microsoft.com/graph/resolve-auth-errors"
_APP_ONLY = "learn.microsoft.com/powershell/exchange/app-only-auth-powershell-v2"
_THROTTLING = "learn.microsoft.com/graph/throttling"
_THREADS = "support threads on learn.microsoft.com/answers and github.com/microsoftgraph"

_GRAPH_ENDPOINT = r"(?:graph\.microsoft|microsoft graph|msgraph|graphmail|graphserviceexception|send-mg|send-pnpmail)"
"""How texts name Graph: by its URL, its name, or those of its client libraries."""

GRAPH: Final[tuple[Rule, ...]] = (
    # WASCL counts what a mailbox sends; its verdict may also be that the count failed.
    *rules("transient", Rank.REFINED, _THREADS, r"verdict is transient", r"due to a transient error"),
    # The sender's own mailbox is full; in a bounce the same name stands for the recipient's.
    *rules(
        "sending_limit",
        Rank.REFINED,
        _ERRORS,
        r"code['\"]{0,2} ?[:=] ?['\"]?(?:error)?quotaexceeded",
        r"target mailbox quota exceeded|507:? \(?insufficient ?storage",
    ),
    *rules("wrong_cloud", Rank.CODE, _THREADS, "notfoundincurrentsovereignenvironment"),
    *rules("role_missing", Rank.CODE, _AUTHORIZATION, "nopermissionsinaccesstoken", "authorization_requestdenied"),
    # Exchange Online PowerShell, signed in as an application without a role of the directory or of Exchange.
    *rules("role_missing", Rank.CODE, _APP_ONLY, "authz-cmdletaccessdeniedexception"),
    *rules(
        "role_missing",
        Rank.WORDING,
        _APP_ONLY,
        "isn't assigned to any management roles",
        "role assigned to application .{0,80}isn't supported",
        r"\bis not allowed to call [a-z]{2,12}-[a-z]{3,40}\b",
    ),
    *rules("consent_missing", Rank.CODE, _ERRORS, "authorization_identitynotfound"),
    *rules(
        "exchange_missing",
        Rank.CODE,
        _THREADS,
        "organizationfromtenantguidnotfound",
        "errororganizationnotfound",
    ),
    *rules(
        "mailbox_not_found",
        Rank.CODE,
        _THREADS,
        "mailboxnotenabledforrestapi",
        "mailboxnotsupportedforrestapi",
        "mailboxnothostedinexchangeonline",
        "errorinvaliduser",
        "request_resourcenotfound",
        "errorusernotfound",
        "resource could not be discovered",
        "resource .{0,90}does not exist or one of its queried reference",
    ),
    *rules("mailbox_not_found", Rank.GENERIC, _ERRORS, r"\bresourcenotfound\b", r"\berroritemnotfound\b"),
    *rules(
        "token_rejected",
        Rank.CODE,
        _AUTHORIZATION,
        "invalidauthenticationtoken",
        "authentication_expiredtoken",
        "authentication_missingormalformed",
        "compacttoken (?:parsing|validation) failed",
        r"idx1\d{4}\b",
        "audienceurivalidationfailed",
        "invalidmsatoken",
    ),
    *rules("token_rejected", Rank.GENERIC, _ERRORS, r'code"?: ?"?unauthenticated\b', r"(?<!smtp)authenticationerror"),
    *rules(
        "throttled",
        Rank.CODE,
        _THROTTLING,
        "applicationthrottled",
        "activitylimitreached",
        "mailboxconcurrency",
        "errorapplicationconcurrencylimit",
        "toomanyrequests",
        "too many requests",
    ),
    *rules(
        "sending_limit",
        Rank.CODE,
        _THREADS,
        "quotalimitreached",
        "errorexceededmessagelimit",
        "errormessagesubmissionblocked",
        "errorsubmissionquotaexceeded",
        "wascl useraction verdict",
    ),
    *rules(
        "message_too_large",
        Rank.CODE,
        _ERRORS,
        "requestentitytoolarge",
        "maximum request length (?:exceeded|supported)",
    ),
    *rules(
        "user_sign_in_needed",
        Rank.CODE,
        _AUTHORIZATION,
        "/me request is only valid with delegated authentication",
    ),
    *rules("token_rejected", Rank.COMPOSED, _AUTHORIZATION, _GRAPH_ENDPOINT + r".{0,200}(?:unauthorized|\b401\b)"),
    *rules("mailbox_access_denied", Rank.COMPOSED, _AUTHORIZATION, _GRAPH_ENDPOINT + r".{0,200}(?:forbidden|\b403\b)"),
    *rules("mailbox_access_denied", Rank.COMPOSED, _AUTHORIZATION, r"(?:403|forbidden).{0,60}graph\.microsoft"),
    *rules(
        "transient",
        Rank.GENERIC,
        _ERRORS,
        "servicenotavailable",
        "serviceunavailable",
        r"\bgatewaytimeout\b",
        r"(?:monitor|server|backend|service|node|database)\b.{0,20}(?:is|are|was) unhealthy|utilizationmonitor",
        r'code"?: ?"?internalservererror',
        r'code"?: ?"?unknownerror',
    ),
)
