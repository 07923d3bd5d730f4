"""The cause of an error object: msal's dict, an HTTP response, an SMTP reply, or an exception."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from mailer.diagnosis import classifier, normalization
from mailer.diagnosis.causes import UNKNOWN
from mailer.diagnosis.rules.aadsts import ERROR_WORDS, FAMILIES
from mailer.diagnosis.rules.replies import REPLIES
from mailer.diagnosis.rules.rule import Rank

Service = Literal["token", "graph", "ews"]
_LONGEST_BODY = 120_000
"""Characters; longer error bodies are cut."""
_SENDING_ROLES = {
    "graph": frozenset({"mail.send", "mail.readwrite"}),
    "ews": frozenset({"full_access_as_app", "ews.accessasapp"}),
}


def from_token_error(error: Mapping[str, Any]) -> str:
    """The cause of a refused token. `error` is msal's dict or the token endpoint's JSON: `error`, `error_codes`
    (numbers), `error_description`, optionally `suberror`. Numbers have precedence over words."""
    text = str(error.get("error_description") or "")
    listed = error.get("error_codes")
    numbers = [int(number) for number in listed if str(number).isdigit()] if isinstance(listed, list | tuple) else []
    spoken = " ".join([*(f"AADSTS{number}: " for number in numbers), text])
    verdict = classifier.classify(spoken)
    if verdict is not None and verdict.rank >= Rank.WORDING:
        return verdict.slug
    if not numbers or all(number in FAMILIES for number in numbers):
        for word in (error.get("suberror"), error.get("error")):
            if isinstance(word, str) and word in ERROR_WORDS:
                return ERROR_WORDS[word]
    return verdict.slug if verdict is not None else UNKNOWN


def from_http(
    status: int, headers: Mapping[str, str], body: str | bytes, *, service: str, roles: tuple[str, ...] | None = None
) -> str:
    """The cause of an unsuccessful HTTP response. `service` is "token", "graph" or "ews"; `roles` are those of the
    request's token, if known: they distinguish a missing permission from a mailbox without access."""
    text = normalization.as_text(body)
    if service == "token" and (error := _json_object(text)) and "error" in error and isinstance(error["error"], str):
        return from_token_error(error)
    lowered = {name.lower(): value for name, value in headers.items()}
    spoken = "\n".join(lowered[name] for name in ("x-ms-diagnostics", "www-authenticate") if name in lowered)
    verdict = classifier.classify(f"{spoken}\n{text}")
    if verdict is not None and verdict.rank >= Rank.WORDING:
        return _refine_by_roles(verdict.slug, status, service, roles)
    # The status is stronger than words that are only understood together.
    said = verdict.slug if verdict is not None and verdict.rank >= Rank.GENERIC else None
    return _by_status(status, service, roles, said)


def _refine_by_roles(slug: str, status: int, service: str, roles: tuple[str, ...] | None) -> str:
    """Distinguish the causes of one answer by the roles of the token."""
    if status != 403 or roles is None:
        return slug
    if slug == "role_missing" and service == "graph" and _may_send(service, roles):
        return "mailbox_access_denied"
    return "role_missing" if slug == "ews_blocked" and not _may_send(service, roles) else slug


def _by_status(status: int, service: str, roles: tuple[str, ...] | None, said: str | None) -> str:
    if status == 403 and service in ("graph", "ews"):
        if roles is not None and not _may_send(service, roles):
            return "role_missing"
        return (
            "ews_blocked" if service == "ews" and said in (None, "token_rejected") else said or "mailbox_access_denied"
        )
    if status == 401 and service in ("graph", "ews"):
        return "role_missing" if roles == () else "token_rejected"
    if said is not None:
        return said
    if status == 404 and service == "graph":
        return "mailbox_not_found"
    if status == 404 and service == "token":
        return "tenant_not_found"
    fixed = {407: "network", 413: "message_too_large", 429: "throttled", 511: "network"}
    fixed |= dict.fromkeys((408, 421, 425), "transient")
    return fixed.get(status, "transient" if status >= 500 else UNKNOWN)


def _may_send(service: str, roles: tuple[str, ...] | None) -> bool:
    return roles is not None and any(role.lower() in _SENDING_ROLES.get(service, ()) for role in roles)


def from_smtp(code: int, reply: str | bytes) -> str:
    """The cause of an SMTP reply: `code` 200 to 599, `reply` its text of one or more lines, with or without the
    enhanced code."""
    text = normalization.as_text(reply)
    verdict = classifier.classify(f"{code} {text}")
    if verdict is not None:
        return verdict.slug
    return REPLIES.get(code, "transient" if 400 <= code < 500 else UNKNOWN)


def from_exception(error: BaseException, *, roles: tuple[str, ...] | None = None) -> str:
    """The cause of an exception of requests, ssl, socket, smtplib, msal or exchangelib: by its attributes, then by the
    names of its class and base classes, then by the exceptions that it was raised from."""
    if any(type(one).__name__ == "OutboundProxyError" for one in _chain(error)):
        return "proxy"
    for one in _chain(error):
        if (slug := _cause_of(one, roles)) is not None:
            return slug
    verdict = classifier.classify(" ".join(f"{type(one).__name__}: {one}" for one in _chain(error)))
    return verdict.slug if verdict is not None else UNKNOWN


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen and len(seen) < 10:
        seen.add(id(current))
        yield current
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)


_BY_CLASS = {
    "SSLError": "tls",
    "SSLCertVerificationError": "tls",
    "CertificateError": "tls",
    "gaierror": "network",
    "ProxyError": "network",
    "ConnectTimeout": "network",
    "ReadTimeout": "network",
    "Timeout": "network",
    "SMTPServerDisconnected": "network",
    "TokenExpiredError": "token_rejected",
}
_WEAK_CLASS = {
    "ConnectionError": "network",
    "TimeoutError": "network",
    "ChunkedEncodingError": "network",
    "OSError": "network",
    "UnauthorizedError": "token_rejected",
    "RateLimitError": "throttled",
    "SMTPSenderRefused": "send_as_denied",
    "SMTPRecipientsRefused": "recipient_rejected",
    "SMTPNotSupportedError": "smtp_auth_disabled",
}


def _cause_of(error: BaseException, roles: tuple[str, ...] | None) -> str | None:
    names = [ancestor.__name__ for ancestor in type(error).__mro__]
    if "SMTPRecipientsRefused" in names and (refused := getattr(error, "recipients", None)):
        code, reply = next(iter(refused.values()))
        return from_smtp(code, reply)
    if (code := getattr(error, "smtp_code", None)) is not None:
        return from_smtp(code, getattr(error, "smtp_error", b""))
    if (response := getattr(error, "response", None)) is not None and getattr(response, "status_code", 0) >= 400:
        return from_http(
            response.status_code, response.headers, response.content or b"", service=_service_of(response), roles=roles
        )
    if "MalformedResponseError" in names and "Code: 403" in str(error):
        return from_http(403, {}, str(error), service="ews", roles=roles)
    if "UnauthorizedError" in names and roles == ():
        return "role_missing"
    for name in names:
        if name in _BY_CLASS:
            return _BY_CLASS[name]
    verdict = classifier.classify(f"{type(error).__name__}: {error}")
    if verdict is not None:
        return verdict.slug
    return next((_WEAK_CLASS[name] for name in names if name in _WEAK_CLASS), None)


def _service_of(response: Any) -> str:
    url = str(getattr(response, "url", "")).lower()
    if "exchange.asmx" in url:
        return "ews"
    return "token" if "/oauth2/" in url or "/.well-known/" in url else "graph"


def _json_object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text[:_LONGEST_BODY])
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
