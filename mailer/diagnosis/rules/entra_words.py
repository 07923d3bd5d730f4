"""What Entra and Exchange say beyond their codes: the resource that a text names, the audience of an application, an
OAuth error whose number was cut off.

Sources: Entra's error descriptions; "Application and service principal objects" (Graph is in every tenant);
signInAudience in "App manifest"; Set-OrganizationConfig's parameters Ews…; public threads.
"""

from __future__ import annotations

from typing import Final

from mailer.diagnosis.rules.rule import Rank, Rule, rules

_RESOURCE = "AADSTS500011's text; application IDs of Microsoft's own services"
_AUDIENCE = "signInAudience in the application's manifest"
_OAUTH = "RFC 6749 5.2 and Entra's descriptions"
_EXCHANGE = "Set-OrganizationConfig, EwsApplicationAccessPolicy; support threads"

_NAMED = (
    r"(?:resource principal named|principal de (?:la )?ressource(?: nommee?)?"
    r"|ressourcenprinzipal(?: namens| mit dem namen)?|entidad de seguridad (?:de|del) recurso(?: llamada"
    r"| denominada)?) ['\"]?"
)

ENTRA_WORDS: Final[tuple[Rule, ...]] = (
    *rules(
        "scope_invalid",
        Rank.REFINED,
        _RESOURCE,
        _NAMED + r"https://(?:\w{1,20}[.-])?graph\.microsoft",
        _NAMED + r"https://outlook\.office(?:365)?\.com/{1,2}\w",
        _NAMED
        + r"(?:api://|https?://(?!(?:\w{1,20}\.)?outlook\.|exchange)|urn:|spn:|\w{1,40}\.(?:send|read|all)|00000003-0000-0000)",
        r"permission names? .{0,40}instead of (?:a |the )?resource",
        r"'?resource'? request parameter is not supported",
        r"(?:aadsts)?90023\b.{0,80}no applicable perm|no applicable permissions",
        r"invalid_scope.{0,200}(?:scope|resource)|invalid_resource.{0,120}graph\.microsoft",
    ),
    *rules(
        "scope_invalid",
        Rank.WORDING,
        _OAUTH,
        r"the scope .{0,120}(?:does not exist|doesn't exist|is invalid|not supported)",
        r"(?:invalid|unknown|unsupported) scopes?\b",
        r"scope.{0,60}(?:n'est pas valide|non valide|ist ungultig|nicht gultig|no es valido"
        r"|non e valido|is ongeldig|nao e valido)",
        r"(?:bereich|etendue|ambito|escopo) .{0,160}(?:n'est pas valide|non valide"
        r"|ist ungultig|nicht gultig|no es valido|non e valido|nao e valido)",
    ),
    *rules(
        "account_personal_unsupported",
        Rank.REFINED,
        _AUDIENCE,
        r"useraudience.{0,200}consumer|configured with 'consumer' as the user audience",
        r"(?:microsoft|personal|msa|consumer) accounts? .{0,60}(?:not supported|not allowed"
        r"|cannot be used|can't be used|not enabled)",
        r"compte microsoft personnel.{0,60}pas (?:pris en charge|autorise)",
        r"comptes personnels.{0,40}pas pris en charge",
    ),
    *rules(
        "tenant_ambiguous",
        Rank.WORDING,
        _AUDIENCE,
        r"useraudience.{0,200}(?:azureadmyorg|myorg|single)|must not be configured with 'azureadmyorg'",
        r"(?:common|organizations) (?:endpoint|authority) .{0,60}(?:not supported|not allowed|cannot)",
        r"use a tenant-specific endpoint",
    ),
    *rules(
        "ews_blocked",
        Rank.REFINED,
        _EXCHANGE,
        r"tenant-configured useragent|useragent (?:allow|block) ?list",
        r"\bews\b .{0,40}(?:is not enabled|not enabled|access is (?:denied|blocked)|has been (?:disabled|blocked))",
        r"ewsenabled (?:is |was )?(?:set to )?\$?false",
        r"exchange web services (?:is|are) not (?:currently )?(?:enabled|supported)",
    ),
    *rules(
        "basic_auth_retired",
        Rank.WORDING,
        _EXCHANGE,
        r"basic auth(?:orization|entication)? (?:failed|is (?:currently|now|not)|access|for this|no longer)",
        r"(?:legacy|basic) auth(?:entication)?(?: protocols?)? .{0,40}(?:disabled|blocked"
        r"|not allowed|deprecated|not supported|retired|turned off)",
        r"authentification de base .{0,60}(?:desactivee|supprimee|bloquee|plus prise en charge|pas prise en charge)",
        r"(?:standardauthentifizierung|basisauthentifizierung) .{0,60}(?:deaktiviert|abgeschaltet|nicht|eingestellt)",
        r"autenticacion basica .{0,60}(?:deshabilitad|desactivad|no )",
        r"autenticazione di base .{0,60}(?:disabilitat|disattivat|non )",
        r"basisverificatie .{0,60}(?:uitgeschakeld|niet)|autenticacao basica .{0,60}(?:desabilitad|desativad|nao )",
        r"app(?:lication)? passwords? .{0,40}(?:no longer|not supported|disabled|retired)",
    ),
    *rules(
        "network",
        Rank.WORDING,
        "MSAL's ClientAuthError",
        r"endpoints_resolution_error|openid_config_error|could not (?:resolve|retrieve) endpoints",
    ),
    *rules(
        "sending_limit",
        Rank.WORDING,
        _EXCHANGE,
        r"(?:blocked|restricted|suspended|disabled|prevented) from sending",
        r"sending (?:has been |is )?(?:blocked|restricted|suspended)",
        r"bloquee? .{0,30}envoi|envoi .{0,30}(?:bloque|suspendu)",
        r"(?:am|vom|fur das) senden .{0,20}(?:gesperrt|gehindert)",
    ),
    *rules(
        "transient",
        Rank.CODE,
        _EXCHANGE,
        r"exchangeprincipal object contains outdated|mailboxinfostale|mailbox (?:may|might) have been moved recently",
        r"mailbox (?:is )?(?:being moved|in transit|move in progress"
        r"|database is (?:temporarily )?(?:offline|unavailable))",
        r"mapiexceptionmailboxintransit|mapiexceptionmdboffline|wrongserverexception",
        r"backend(?:rehydration|servererror)",
    ),
    *rules(
        "secret_wrong",
        Rank.WORDING,
        _OAUTH,
        r"(?:client|app)(?:[_ ]|lication )?secret .{0,60}(?:does not match|doesn't match"
        r"|not valid|is (?:wrong|invalid|incorrect|empty|missing)|mismatch)",
        r"(?:invalid|wrong|incorrect|bad) (?:client|app|application)[_ ]?(?:secret|credentials?)",
        r"client authentication failed",
        r"missing (?:required )?(?:parameter|field)?:? ?'?client_secret",
        r"client_secret.{0,30}(?:is required|must|missing)",
    ),
    *rules(
        "user_sign_in_needed",
        Rank.WORDING,
        _OAUTH,
        r"(?:refresh|device|authorization|auth) (?:token|code) .{0,60}(?:expired|revoked"
        r"|invalid|not valid|redeemed|already been used)",
        r"(?:token|grant|session|consent) (?:has been |was |is )revoked|no refresh token",
        r"refresh token (?:not found|missing)",
        r"(?:user|account) .{0,40}(?:is locked|locked out|must change|needs to (?:sign|log) in"
        r"|requires? (?:re)?authentication)",
        r"(?:multi-?factor|\bmfa\b|two-factor|two-step).{0,60}(?:required|enrol|must|needed"
        r"|necessary|requise|erforderlich)",
        r"wrong (?:user ?name|password)",
        r"(?:user ?name|password|login) (?:or password )?(?:is |was |were )?(?:incorrect|wrong|invalid|not correct)",
        r"no accounts? (?:were |was )?found in the cache",
        r"silent(?:ly)? .{0,40}(?:failed|no (?:account|token))|acquire.{0,20}token silently",
    ),
)
