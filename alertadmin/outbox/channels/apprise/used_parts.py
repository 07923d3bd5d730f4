"""What a service makes of its address: the parts that it uses, and those that it drops without a word.

apprise writes an address again from what it read (`url()`). A part that stands nowhere in it is not used: a token that
was written as a password, an option that there is not. Import it in the separate process only.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, unquote

from alertadmin.adapters.apprise import NotifyEmail
from alertadmin.outbox.channels.address_parts import Part, option_name

OURS = frozenset({"overflow", "cto", "rto", "retry", "wait", "redirect", "optional", "verify"})
"""Options of apprise that alertadmin sets itself, or that have no effect here."""
WEB = frozenset({"api-version", "sp", "sv", "sig", "key", "token"})
"""Options in https:// addresses of Teams and Google Chat, which are parts of the address."""
MAX_FORMS = 2
_DEFAULT_PORTS = ("80", "443", "25", "465", "587")


def parts_of(service: Any, url: str) -> list[Part]:
    """The parts that are used."""
    server = _server(service)
    masked = service.url(privacy=True)
    is_named = bool(service.user) and str(service.user) in _unquoted(masked)  # else the user is the token
    tokens = service.template_tokens
    given = [option_name(name) for name, _value in _options(url) if not (_is_web(url) and name.lower() in WEB)]
    used = [name for name in given if name.lower() not in OURS]
    unused = [name for name in given if name.lower() in OURS - {"verify"}]
    return [
        *server,
        *([("user", is_named)] if "user" in tokens and server else []),
        ("secret", masked != service.url(privacy=False)),
        *([("targets", len(service))] if "targets" in tokens and len(service) > 1 else []),
        *([("options", used)] if used else []),
        *([("unused", unused)] if unused else []),
    ]


def _server(service: Any) -> list[Part]:
    """Host, port and encryption, if the address names them. The host of slack:// and of a topic may be a token."""
    if isinstance(service, NotifyEmail):
        return [("server", f"{service.smtp_host}:{service.port}"), ("encryption", service.secure_mode != "insecure")]
    host = service.template_tokens.get("host")
    if host is None or host.get("private") or getattr(service, "mode", None) == "cloud":
        return []
    encrypted = bool(service.secure) if service.protocol and service.secure_protocol else True
    port = service.port or (443 if encrypted else 80)
    return [("server", f"{service.host}:{port}"), ("encryption", encrypted)]


def dropped(service: Any, url: str) -> list[str]:
    """What the service does not use: names of options, and "user", "path" or "fragment"."""
    written = service.url(privacy=False)
    pieces = {_plain(piece) for piece in re.split(r"[/:@?&=#,]+", _unquoted(written))}
    whole = _plain(_unquoted(written))

    def is_used(text: str) -> bool:
        plain = _plain(text)
        if not plain or plain in pieces or (len(plain) > 3 and plain in whole):
            return True
        return "." in text and any(_plain(one) in pieces for one in text.split("."))  # organization.zulipchat.com

    known = {name.lower() for name in service.template_args}
    found = [
        option_name(name)
        for name, value in _options(url)
        if name.lower() not in known | OURS | (WEB if _is_web(url) else set())
        and not name.startswith(("+", "-", ":"))
        and not all(is_used(one) for one in re.split(r"[,;\s]+", value))
    ]
    if _is_web(url):  # matched as a whole by the service
        return [*found, *(["fragment"] if "#" in url.partition("?")[2] else [])]
    before, _mark, fragment = url.partition("://")[2].partition("?")[0].partition("#")
    place, _slash, path = before.partition("/")
    ports = {*_DEFAULT_PORTS, str(service.port)}
    pieces_of = {
        "user": [piece for piece in re.split(r"[:@]", place) if piece not in ports],
        "path": re.split(r"[/,]", path),
        "fragment": fragment.split("/"),
    }
    return [*found, *(name for name, listed in pieces_of.items() if not all(is_used(unquote(one)) for one in listed))]


def forms_of(service: Any, url: str) -> list[str]:
    """How an address of the service is written, the forms with as many parts as this one first."""
    schema = url.partition("://")[0].lower()
    if schema in ("http", "https"):
        secure = service.secure_protocol or service.protocol
        schema = secure if isinstance(secure, str) else str(next(iter(secure or [""])))
    wanted = {"@": "@" in url, "token": True}
    forms = [str(template).replace("{schema}", schema) for template in service.templates]
    forms.sort(key=lambda form: -sum((sign in form) == is_there for sign, is_there in wanted.items()))
    return [re.sub(r"\{(\w+)\}", r"\1", form) for form in forms[:MAX_FORMS]]


def _is_web(url: str) -> bool:
    return url.lower().startswith(("http://", "https://"))


def _options(url: str) -> list[tuple[str, str]]:
    return parse_qsl(url.partition("?")[2].partition("#")[0].replace("+", "%2B"), keep_blank_values=True)


def _unquoted(text: str) -> str:
    return unquote(unquote(text))


def _plain(text: str) -> str:
    return re.sub(r"[\W_]", "", unquote(text)).casefold()
